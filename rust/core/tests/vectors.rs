//! The pinned digests that Python's tests read too: `tests/vectors/digests.json`.
//!
//! One that changes means another scheme number, and that no stored entry is found any more.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use whorl_core::control::Control;
use whorl_core::file::{self, digest_file};
use whorl_core::stat_table::Session;
use whorl_core::tree::{self, Patterns, digest_tree};
use whorl_core::{Digest, Encoder};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn vectors(kind: &str) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/digests.json");
    let all: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    Ok(all[kind].as_array().cloned().unwrap_or_default())
}

fn text<'a>(entry: &'a Value, name: &str) -> Result<&'a str, io::Error> {
    let found = entry[name].as_str();
    found.ok_or_else(|| io::Error::other(format!("{name} is missing in {entry}")))
}

fn pinned(entry: &Value) -> Result<Digest, Box<dyn std::error::Error>> {
    Ok(Digest::from_hex(text(entry, "digest")?).ok_or("not a digest")?)
}

fn unhex(text: &str) -> Result<Vec<u8>, std::num::ParseIntError> {
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16))
        .collect()
}

#[test]
fn files_have_their_pinned_digests() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("file");
    for entry in vectors("files")? {
        let size = usize::try_from(entry["size"].as_u64().ok_or("no size")?)?;
        let content: Vec<u8> = (0..=250).cycle().take(size).collect();
        fs::write(&path, &content)?;
        for threads in [1, 2, 7] {
            let options = file::Options {
                threads,
                control: &Control::silent(),
                session: Session::none(),
                mapper: None,
            };
            assert_eq!(
                digest_file(&path, options)?.digest,
                pinned(&entry)?,
                "{size} bytes"
            );
        }
    }
    Ok(())
}

#[test]
fn records_have_their_pinned_digests() -> Outcome {
    for entry in vectors("records")? {
        let mut encoder = Encoder::new(text(&entry, "kind")?);
        for token in entry["tokens"].as_array().into_iter().flatten() {
            append(&mut encoder, token)?;
        }
        assert_eq!(encoder.finish(), pinned(&entry)?, "{entry}");
    }
    Ok(())
}

fn append(encoder: &mut Encoder, token: &Value) -> Outcome {
    let value = token[1].as_str().unwrap_or_default();
    match token[0].as_str() {
        Some("text") => encoder.text(value.as_bytes()),
        Some("repeat") => encoder.text("x".repeat(value.parse()?).as_bytes()),
        Some("bytes") => encoder.bytes(&unhex(value)?),
        Some("digest") => encoder.digest(&Digest::from_hex(value).ok_or("not a digest")?),
        Some("none") => encoder.none(),
        // Python's integers have no bounds; those beyond 64 bits are left to its tests.
        Some("integer") => match value.parse::<i128>() {
            Ok(number) => encoder.integer(&number.to_le_bytes()),
            Err(_) => encoder.integer(&minus_ten_to_the_40()),
        },
        other => return Err(format!("an unknown token: {other:?}").into()),
    }
    Ok(())
}

/// The one pinned integer that has more than 128 bits.
fn minus_ten_to_the_40() -> Vec<u8> {
    let mut digits = vec![1_u8];
    for _ in 0..40 {
        let mut carry = 0_u16;
        for byte in &mut digits {
            let product = u16::from(*byte) * 10 + carry;
            *byte = product.to_le_bytes()[0];
            carry = product >> 8;
        }
        if carry > 0 {
            digits.push(carry.to_le_bytes()[0]);
        }
    }
    digits.push(0);
    let mut carry = true;
    for byte in &mut digits {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
    digits
}

#[cfg(unix)]
#[test]
fn trees_have_their_pinned_digests() -> Outcome {
    for entry in vectors("trees")? {
        let folder = tempfile::tempdir()?;
        for item in entry["entries"].as_array().into_iter().flatten() {
            make(&folder.path().join(text(item, "path")?), item)?;
        }
        for threads in [1, 2, 7] {
            let options = tree::Options {
                follow_symlinks: false,
                threads,
                patterns: &Patterns::all(),
                control: &Control::silent(),
                session: Session::none(),
            };
            assert_eq!(
                digest_tree(folder.path(), options)?,
                pinned(&entry)?,
                "{entry}"
            );
        }
    }
    Ok(())
}

#[cfg(unix)]
fn make(path: &Path, item: &Value) -> Outcome {
    fs::create_dir_all(path.parent().map(PathBuf::from).unwrap_or_default())?;
    if let Some(content) = item["file"].as_str() {
        fs::write(path, content)?;
    } else if let Some(target) = item["link"].as_str() {
        std::os::unix::fs::symlink(target, path)?;
    } else {
        fs::create_dir_all(path)?;
    }
    Ok(())
}
