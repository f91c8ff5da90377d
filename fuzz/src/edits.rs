//! Edits of valid files: the fuzzer evolves a list of changes to a dump instead of the dump itself, so that most inputs still contain
//! captures and reach the code behind the scan.

use crate::File;

/// Bytes of an edit: file, offset (2 bytes), kind, and a number (4 bytes).
const EDIT: usize = 8;
/// Largest number of edits in one input; more would leave little of the dump.
const MAX_EDITS: usize = 12;

/// Applies the edits in `input` to the files.
pub fn edit(files: &mut Vec<File>, input: &[u8]) {
    for edit in input.chunks_exact(EDIT).take(MAX_EDITS) {
        let number = u32::from_le_bytes([edit[4], edit[5], edit[6], edit[7]]);
        let which = usize::from(edit[0]) % files.len().max(1);
        if edit[3] % 8 == 7 {
            edit_list(files, which, number);
        } else if let Some((_, bytes)) = files.get_mut(which) {
            let at = usize::from(u16::from_le_bytes([edit[1], edit[2]])) % (bytes.len() + 1);
            edit_bytes(bytes, at, edit[3] % 8, number);
        }
    }
}

/// Edits the list of files: removes, duplicates or renames one, or swaps the contents of two.
fn edit_list(files: &mut Vec<File>, which: usize, number: u32) {
    let Some((path, bytes)) = files.get(which).cloned() else {
        return;
    };
    let other = number as usize / 4 % files.len();
    match number % 4 {
        0 => drop(files.remove(which)),
        1 => files.push((format!("copy {number}/{path}"), bytes)),
        2 => files[which].0 = path.replacen('0', &(number / 4).to_string(), 1),
        _ => files[which].1 = std::mem::replace(&mut files[other].1, bytes),
    }
}

fn edit_bytes(bytes: &mut Vec<u8>, at: usize, how: u8, number: u32) {
    let end = bytes.len().min(at + 1 + number as usize % 16);
    match how {
        0 => overwrite(bytes, at, &number.to_le_bytes()[..1]),
        1 => overwrite(bytes, at, &number.to_le_bytes()),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..end)),
        4 => drop(bytes.splice(at..at, number.to_le_bytes())),
        // Replaces a number in text (JSON, or the header of npy) by another one.
        5 => {
            let is_digit = |byte: &u8| byte.is_ascii_digit();
            if let Some(skipped) = bytes[at..].iter().position(is_digit) {
                let start = at + skipped;
                let digits = bytes[start..]
                    .iter()
                    .take_while(|byte| is_digit(byte))
                    .count();
                bytes.splice(start..start + digits, number.to_string().into_bytes());
            }
        }
        // Replaces a text value by another one that has a meaning.
        _ => {
            const WORDS: [&str; 8] = [
                "fp16", "bf16", "fp32", "decode", "null", "-1", "1e9", "../k",
            ];
            let word = WORDS[number as usize % WORDS.len()];
            if let Some(skipped) = bytes[at..].iter().position(|&byte| byte == b'"') {
                let start = at + skipped + 1;
                let rest = &bytes[start..];
                let length = rest
                    .iter()
                    .position(|&byte| byte == b'"')
                    .unwrap_or(rest.len());
                bytes.splice(start..start + length, word.bytes());
            }
        }
    }
}

fn overwrite(bytes: &mut [u8], at: usize, new: &[u8]) {
    for (byte, new) in bytes[at..].iter_mut().zip(new) {
        *byte = *new;
    }
}
