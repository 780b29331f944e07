//! Takes the files of the console into the program, so that a replica is one file to copy.
//!
//! `cargo xtask console` writes them into `console/dist`; this reads its list and makes a table of them for
//! `src/http/console.rs`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let manifest_dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let dist = Path::new(&manifest_dir).join("../console/dist");
    // A watched path that is missing makes cargo build the server anew each time. Where the folder cannot
    // be made, that is what happens, and no worse.
    let _ = fs::create_dir_all(&dist);
    println!("cargo::rerun-if-changed=../console/dist");
    // `sqlx::migrate!` does not see that a file was added.
    println!("cargo::rerun-if-changed=../migrations");

    let table = table(&dist).unwrap_or_else(|reason| {
        println!(
            "cargo::warning=the server is built without its console: {reason}; type `cargo xtask console` and build again"
        );
        "static FILES: &[File] = &[];\n".to_owned()
    });
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("console_files.rs"), table).expect("OUT_DIR is there to be written to");
}

/// The table as Rust source, or why there is none.
fn table(dist: &Path) -> Result<String, String> {
    let manifest = dist.join("manifest.txt");
    let manifest = fs::read_to_string(manifest).map_err(|_| "it was not compiled yet")?;
    let dist = dist.canonicalize().map_err(|error| error.to_string())?;
    let mut table = "static FILES: &[File] = &[\n".to_owned();
    for line in manifest
        .lines()
        .filter_map(|line| line.strip_prefix("file "))
    {
        let words: Vec<&str> = line.split(' ').collect();
        let [path, sha256, identity, brotli, gzip] = words[..] else {
            return Err("console/dist/manifest.txt was written by another version".to_owned());
        };
        let identity = included(&dist, path, "", identity)?.ok_or("console/dist is incomplete")?;
        let brotli = included(&dist, path, ".br", brotli)?;
        let gzip = included(&dist, path, ".gz", gzip)?;
        let option = |included: Option<String>| {
            included.map_or("None".to_owned(), |file| format!("Some({file})"))
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "    File {{ path: {:?}, sha256: {sha256:?}, identity: {identity}, brotli: {}, gzip: {} }},",
            format!("/{path}"),
            option(brotli),
            option(gzip),
        );
    }
    table.push_str("];\n");
    Ok(table)
}

/// The expression that takes a file in; `None` if the list says that there is none.
fn included(dist: &Path, path: &str, ending: &str, length: &str) -> Result<Option<String>, String> {
    if length == "-" {
        return Ok(None);
    }
    let file = dist.join(format!("{path}{ending}"));
    let name = file.to_str().ok_or("its path is not UTF-8")?;
    match fs::metadata(name) {
        Ok(there) if there.len().to_string() == length => {
            Ok(Some(format!("include_bytes!({name:?})")))
        }
        _ => Err(format!(
            "console/dist/{path}{ending} is not the file that was written"
        )),
    }
}
