//! Histograms of bytes.

/// Number of occurrences of each byte value.
pub(super) type Counts = [u32; 256];

/// Counts `data` in four parts of equal length (the last also has the remainder), as the four Huffman streams are
/// divided.
///
/// Four separate tables also keep runs of one byte from waiting for each other's increments.
pub(super) fn count_quarters(data: &[u8], counts: &mut [Counts; 4]) {
    *counts = [[0; 256]; 4];
    let [first, second, third, fourth] = counts;
    let quarter = data.len().div_ceil(4);
    let (a, rest) = data.split_at(quarter);
    let (b, rest) = rest.split_at(quarter.min(rest.len()));
    let (c, d) = rest.split_at(quarter.min(rest.len()));

    let common = d.len().min(quarter) / 8;
    let words = |part| <[u8]>::chunks_exact(part, 8).take(common).map(word);
    for (((mut a, mut b), mut c), mut d) in words(a).zip(words(b)).zip(words(c)).zip(words(d)) {
        for _ in 0..8 {
            first[(a & 255) as usize] += 1;
            second[(b & 255) as usize] += 1;
            third[(c & 255) as usize] += 1;
            fourth[(d & 255) as usize] += 1;
            (a, b, c, d) = (a >> 8, b >> 8, c >> 8, d >> 8);
        }
    }
    add(&a[common * 8..], first);
    add(&b[common * 8..], second);
    add(&c[common * 8..], third);
    add(&d[common * 8..], fourth);
}

/// Adds the bytes of `data` to `counts`.
pub(super) fn add(data: &[u8], counts: &mut Counts) {
    for &byte in data {
        counts[usize::from(byte)] += 1;
    }
}

/// Sum of the four histograms.
pub(super) fn total(counts: &[Counts; 4]) -> Counts {
    std::array::from_fn(|symbol| counts.iter().map(|part| part[symbol]).sum())
}

/// Largest byte value that occurs; 0 if none does.
pub(super) fn last_symbol(counts: &[u32]) -> usize {
    counts.iter().rposition(|&count| count > 0).unwrap_or(0)
}

/// Count of the most frequent byte value.
pub(super) fn largest(counts: &[u32]) -> u32 {
    counts.iter().copied().max().unwrap_or(0)
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("a chunk of 8"))
}
