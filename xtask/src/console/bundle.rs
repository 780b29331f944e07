//! The files of the console, named after their content, compressed, and written in one go.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::Result;

/// Lists the files; `server/build.rs` reads it.
pub(super) const MANIFEST: &str = "manifest.txt";

/// Smaller, and the headers are longer than what compression saves.
const WORTH_COMPRESSING_BYTES: usize = 256;

/// How a file is named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// After its content: it never changes under its name.
    Hashed,
    /// As it is, because people and the server ask for it by that name.
    Page,
}

struct Asset {
    sha256: String,
    identity: Vec<u8>,
    brotli: Option<Vec<u8>>,
    gzip: Option<Vec<u8>>,
}

/// All files.
#[derive(Default)]
pub(super) struct Bundle {
    /// By path in `dist`.
    assets: BTreeMap<String, Asset>,
    /// From the name in the sources to the path in `dist`.
    names: BTreeMap<String, String>,
}

impl Bundle {
    /// Takes a file in.
    pub(super) fn add(&mut self, name: &str, kind: Kind, content: Vec<u8>) -> Result<()> {
        let sha256 = hex(&Sha256::digest(&content));
        let path = match (kind, name.rsplit_once('.')) {
            (Kind::Hashed, Some((stem, extension))) => {
                format!("assets/{stem}-{}.{extension}", &sha256[..16])
            }
            _ => name.to_owned(),
        };
        let (brotli, gzip) = if content.len() < WORTH_COMPRESSING_BYTES {
            (None, None)
        } else {
            (Some(brotli(&content)?), Some(gzip(&content)?))
        };
        let smaller = |packed: &Vec<u8>| packed.len() < content.len();
        let asset = Asset {
            sha256,
            brotli: brotli.filter(smaller),
            gzip: gzip.filter(smaller),
            identity: content,
        };
        self.names.insert(name.to_owned(), path.clone());
        self.assets.insert(path, asset);
        Ok(())
    }

    /// Puts the addresses of the files in place of `{{name}}`.
    pub(super) fn link(&self, page: &str) -> Result<String> {
        let mut linked = page.to_owned();
        for (name, path) in &self.names {
            linked = linked.replace(&format!("{{{{{name}}}}}"), &format!("/{path}"));
        }
        match linked.split_once("{{") {
            None => Ok(linked),
            Some((_, rest)) => {
                let name = rest.split("}}").next().unwrap_or_default();
                Err(format!("console: index.html asks for {name}, which there is not").into())
            }
        }
    }

    /// What a browser with brotli loads.
    pub(super) fn sent_bytes(&self) -> usize {
        self.assets
            .values()
            .map(|asset| asset.brotli.as_ref().unwrap_or(&asset.identity).len())
            .sum()
    }

    /// Writes everything beside `dist` and puts it in its place: nobody ever finds half of it.
    pub(super) fn write(&self, staging: &Path, dist: &Path, inputs: &str) -> Result<()> {
        let _ = fs::remove_dir_all(staging);
        fs::create_dir_all(staging.join("assets"))?;
        let mut manifest = format!("inputs {inputs}\n");
        for (path, asset) in &self.assets {
            let put = |ending: &str, content: Option<&Vec<u8>>| -> Result<String> {
                let Some(content) = content else {
                    return Ok("-".to_owned());
                };
                fs::write(staging.join(format!("{path}{ending}")), content)?;
                Ok(content.len().to_string())
            };
            let identity = put("", Some(&asset.identity))?;
            let brotli = put(".br", asset.brotli.as_ref())?;
            let gzip = put(".gz", asset.gzip.as_ref())?;
            writeln!(
                manifest,
                "file {path} {} {identity} {brotli} {gzip}",
                asset.sha256
            )?;
        }
        let mut file = fs::File::create(staging.join(MANIFEST))?;
        file.write_all(manifest.as_bytes())?;
        let old = staging.with_extension("old");
        let _ = fs::remove_dir_all(&old);
        if dist.exists() {
            fs::rename(dist, &old)?;
        }
        fs::rename(staging, dist)?;
        // Renaming keeps times, and cargo goes by them: the server's build must see that this is new.
        file.set_modified(SystemTime::now())?;
        let _ = fs::remove_dir_all(&old);
        Ok(())
    }
}

/// Whether `dist` is whole and made of `inputs`.
pub(super) fn is_current(dist: &Path, inputs: &str) -> bool {
    let Ok(manifest) = fs::read_to_string(dist.join(MANIFEST)) else {
        return false;
    };
    let mut lines = manifest.lines();
    lines
        .next()
        .is_some_and(|line| line == format!("inputs {inputs}"))
        && lines.all(|line| is_there(dist, line))
}

fn is_there(dist: &Path, line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    let ["file", path, _, identity, brotli, gzip] = words[..] else {
        return false;
    };
    [("", identity), (".br", brotli), (".gz", gzip)]
        .iter()
        .all(|(ending, length)| {
            let file = fs::metadata(dist.join(format!("{path}{ending}")));
            file.map_or(*length == "-", |file| file.len().to_string() == *length)
        })
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: content.len(),
        ..Default::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut packed, &parameters)?;
    Ok(packed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_current_until_something_is_missing() {
        let folder = std::env::temp_dir().join(format!("antares-bundle-{}", std::process::id()));
        let dist = folder.join("dist");
        fs::create_dir_all(&dist).unwrap();
        let mut bundle = Bundle::default();
        bundle
            .add("main.css", Kind::Hashed, vec![b'a'; 1_000])
            .unwrap();
        let page = bundle.link("<link href=\"{{main.css}}\">").unwrap();
        assert!(page.starts_with("<link href=\"/assets/main-"), "{page}");
        assert!(bundle.link("{{other.css}}").is_err());
        bundle
            .add("index.html", Kind::Page, page.into_bytes())
            .unwrap();
        bundle.write(&folder.join("dist.new"), &dist, "42").unwrap();
        assert!(is_current(&dist, "42"));
        assert!(!is_current(&dist, "43"));
        let path = &bundle.names["main.css"];
        fs::remove_file(dist.join(format!("{path}.br"))).unwrap();
        assert!(!is_current(&dist, "42"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
