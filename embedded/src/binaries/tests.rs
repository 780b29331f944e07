//! Tests of the search, on made-up folders.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

/// A folder that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let name = format!("antares-binaries-{}", crate::folder::random_hex(6).unwrap());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Makes programs that say they are `version`.
    fn given(&self, folder: &str, version: &str) -> PathBuf {
        let folder = self.0.join(folder);
        fs::create_dir_all(&folder).unwrap();
        for program in PROGRAMS {
            let file = folder.join(program);
            fs::write(
                &file,
                format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n"),
            )
            .unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    fn find(&self, path: Option<&Path>, wanted: Option<u32>) -> Option<Binaries> {
        let places = places(path.map(Path::as_os_str), &self.0);
        // What is installed on this machine by a download is not of interest.
        let places: Vec<_> = places
            .into_iter()
            .filter(|place| place.starts_with(&self.0))
            .collect();
        search(&places, wanted, &mut |_| {})
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn newest_version_folder_is_taken() {
    let scratch = Scratch::new();
    scratch.given("usr/lib/postgresql/9.6/bin", "9.6.24");
    scratch.given("usr/lib/postgresql/14/bin", "14.9");
    let newest = scratch.given("usr/pgsql-17/bin", "17.2");
    assert_eq!(scratch.find(None, None).unwrap().folder(), newest);
}

#[test]
fn path_comes_before_the_version_folders() {
    let scratch = Scratch::new();
    scratch.given("usr/lib/postgresql/17/bin", "17.2");
    let own = scratch.given("own", "16rc1");
    let found = scratch.find(Some(&own), None).unwrap();
    assert_eq!(
        (found.folder(), found.version(), found.major()),
        (own.as_path(), "16rc1", 16)
    );
}

#[test]
fn link_on_the_path_leads_to_its_folder() {
    let scratch = Scratch::new();
    let real = scratch.given("opt/pg/bin", "16.1");
    let links = scratch.0.join("links");
    fs::create_dir(&links).unwrap();
    std::os::unix::fs::symlink(real.join("postgres"), links.join("postgres")).unwrap();
    assert_eq!(scratch.find(Some(&links), None).unwrap().folder(), real);
}

#[test]
fn version_that_made_the_data_is_preferred() {
    let scratch = Scratch::new();
    let old = scratch.given("usr/lib/postgresql/15/bin", "15.4");
    scratch.given("usr/lib/postgresql/17/bin", "17.2");
    assert_eq!(scratch.find(None, Some(15)).unwrap().folder(), old);
    assert_eq!(scratch.find(None, Some(16)).unwrap().major(), 17);
}

#[test]
fn too_old_a_server_is_passed_over_and_named() {
    let scratch = Scratch::new();
    let old = scratch.given("usr/lib/postgresql/13/bin", "13.4");
    let mut said = Vec::new();
    let places = [old.clone()];
    assert_eq!(
        search(&places, None, &mut |line| said.push(line.to_owned())),
        None
    );
    assert_eq!(
        said,
        [format!(
            "postgresql: version 13.4 is too old in {}",
            old.display()
        )]
    );
}

#[test]
fn folder_without_a_program_is_refused_by_its_name() {
    let scratch = Scratch::new();
    let folder = scratch.given("own", "17.2");
    fs::remove_file(folder.join("initdb")).unwrap();
    let error = Binaries::at(&folder).unwrap_err().to_string();
    assert!(
        error.contains("own holds no usable PostgreSQL 14 or later: there is no initdb"),
        "{error}"
    );
}
