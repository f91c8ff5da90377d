//! Parses and writes names of packed formats: `q8_0`, `mlx:b=4,g=64`, `fp8_e4m3:scale=head`, `int:b=4,per=channel,sym`, `kivi4`,
//! `hadamard+q4_0`, `turbo4`.

use super::format::{Format, Packed, Per};
use super::number::Fp8;
use crate::scheme::name::{SchemeError, Spec};

/// Parses a packed format; `None` where the name is not that of a packed format.
///
/// # Errors
/// For options that the format does not accept.
pub(in crate::scheme) fn parse(spec: &mut Spec) -> Result<Option<Packed>, SchemeError> {
    let (hadamard, name) = match spec.name().strip_prefix("hadamard+") {
        Some(name) => (true, name),
        None => (false, spec.name()),
    };
    let every = |format, per| Packed {
        format,
        per: [per; 2],
        hadamard,
    };
    let packed = match name {
        "q8_0" => every(Format::Q8, Per::Group(32)),
        "q5_0" => every(Format::Signed(5), Per::Group(32)),
        "q4_0" => every(Format::Signed(4), Per::Group(32)),
        "q5_1" => every(Format::Spanned(5), Per::Group(32)),
        "q4_1" => every(Format::Spanned(4), Per::Group(32)),
        "mlx" => {
            let bits = spec.one_of("b", "one of b=8, 6, 5, 4, 3, 2", &[8, 6, 5, 4, 3, 2])?;
            let group = spec.one_of("g", "one of g=32, 64, 128", &[32, 64, 128])?;
            every(
                Format::Mlx(bits.unwrap_or(4)),
                Per::Group(group.unwrap_or(64)),
            )
        }
        "fp8_e4m3" | "fp8_e5m2" => {
            let format = if name == "fp8_e4m3" {
                Fp8::E4m3
            } else {
                Fp8::E5m2
            };
            let expected = "one of scale=one, tensor, head";
            let scale = spec.take("scale", expected, |text| match text {
                "one" => Some(None),
                "tensor" => Some(Some(Per::Tensor)),
                "head" => Some(Some(Per::Head)),
                _ => None,
            })?;
            let per = scale.flatten();
            let scaled = per.is_some();
            every(Format::Fp8 { format, scaled }, per.unwrap_or(Per::Tensor))
        }
        "nvfp4" => {
            let scale = spec.take("scale", "one of scale=one, tensor", |text| match text {
                "one" => Some(false),
                "tensor" => Some(true),
                _ => None,
            })?;
            let global = scale.unwrap_or(false);
            every(Format::NvFp4 { global }, Per::Group(16))
        }
        "mxfp4" => every(Format::Mx { eight: false }, Per::Group(32)),
        "mxfp8" => every(Format::Mx { eight: true }, Per::Group(32)),
        "int" => {
            let bits = spec
                .one_of("b", "one of b=2 to 8", &[2, 3, 4, 5, 6, 7, 8])?
                .unwrap_or(8);
            let expected = "one of per=tensor, head, token, token_head, channel, g32, g64, g128";
            let per = spec.take("per", expected, per)?.unwrap_or(Per::Group(32));
            let (symmetric, asymmetric) = (spec.flag("sym"), spec.flag("asym"));
            if symmetric && asymmetric {
                return Err(spec.wrong("asym", "allowed with sym"));
            }
            every(
                Format::Int {
                    bits,
                    symmetric: !asymmetric,
                },
                per,
            )
        }
        "kivi4" | "kivi2" => Packed {
            per: [Per::ChannelGroup(32), Per::Group(32)],
            ..every(
                Format::Int {
                    bits: if name == "kivi4" { 4 } else { 2 },
                    symmetric: false,
                },
                Per::Tensor,
            )
        },
        "turbo4" | "turbo3" | "turbo2" if !hadamard => Packed {
            hadamard: true,
            ..every(
                Format::Turbo(u32::from(name.as_bytes()[5] - b'0')),
                Per::TokenHead,
            )
        },
        _ => return Ok(None),
    };
    Ok(Some(packed))
}

fn per(text: &str) -> Option<Per> {
    Some(match text {
        "tensor" => Per::Tensor,
        "head" => Per::Head,
        "token" => Per::Token,
        "token_head" => Per::TokenHead,
        "channel" => Per::Channel,
        "g32" => Per::Group(32),
        "g64" => Per::Group(64),
        "g128" => Per::Group(128),
        _ => return None,
    })
}

/// The canonical name, which [`parse`] accepts.
pub(super) fn write(packed: &Packed) -> String {
    let per = match packed.per[1] {
        Per::Tensor => "tensor".to_owned(),
        Per::Head => "head".to_owned(),
        Per::Token => "token".to_owned(),
        Per::TokenHead => "token_head".to_owned(),
        Per::Channel => "channel".to_owned(),
        Per::Group(width) | Per::ChannelGroup(width) => format!("g{width}"),
    };
    let name = match packed.format {
        Format::Q8 => "q8_0".to_owned(),
        Format::Signed(bits) => format!("q{bits}_0"),
        Format::Spanned(bits) => format!("q{bits}_1"),
        Format::Mlx(bits) => format!("mlx:b={bits},{}", per.replace('g', "g=")),
        Format::Fp8 { format, scaled } => {
            let name = match format {
                Fp8::E4m3 => "fp8_e4m3",
                Fp8::E5m2 => "fp8_e5m2",
            };
            if scaled {
                format!("{name}:scale={per}")
            } else {
                name.to_owned()
            }
        }
        Format::NvFp4 { global } => if global {
            "nvfp4:scale=tensor"
        } else {
            "nvfp4"
        }
        .to_owned(),
        Format::Mx { eight } => if eight { "mxfp8" } else { "mxfp4" }.to_owned(),
        Format::Int { bits, .. } if packed.per[0] != packed.per[1] => format!("kivi{bits}"),
        Format::Int { bits, symmetric } => {
            let sign = if symmetric { "sym" } else { "asym" };
            format!("int:b={bits},per={per},{sign}")
        }
        Format::Turbo(bits) => return format!("turbo{bits}"),
    };
    if packed.hadamard {
        format!("hadamard+{name}")
    } else {
        name
    }
}
