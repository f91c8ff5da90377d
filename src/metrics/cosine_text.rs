//! Cosines as text.

/// A cosine with six decimals, or as many as it takes to tell it from 1.
///
/// ```
/// use kvlens::metrics::cosine_text;
/// assert_eq!(cosine_text(0.999_052_31), "0.999052");
/// assert_eq!(cosine_text(0.999_999_951), "0.99999995");
/// assert_eq!(cosine_text(1.0), "1.000000");
/// ```
pub fn cosine_text(cosine: f64) -> String {
    let mut texts = (6..=16).map(|decimals| format!("{cosine:.decimals$}"));
    texts
        .find(|text| cosine >= 1.0 || !text.starts_with('1'))
        .unwrap_or_else(|| format!("{cosine:.6}"))
}
