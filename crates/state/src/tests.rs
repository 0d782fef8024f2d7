use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use proptest::{collection::vec, prelude::*};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Room {
    name: String,
    loads: Vec<i64>,
    by_name: BTreeMap<String, Option<u32>>,
}

fn room(name: &str, loads: Vec<i64>) -> Room {
    Room {
        name: name.to_owned(),
        by_name: [(name.to_owned(), Some(7)), (String::new(), None)].into(),
        loads,
    }
}

fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_764_000_000_123)
}

fn state() -> Vec<u8> {
    let mut writer = Writer::new(noon());
    writer.add("grid", 3, &room("s1", vec![1, -2])).unwrap();
    writer.add("keys", 1, &vec![1_u8; 300]).unwrap();
    writer.finish()
}

#[test]
fn sections_are_read_as_they_were_written_each_by_itself() {
    let bytes = state();
    let read = Container::read(&bytes).unwrap();
    assert_eq!(read.written, noon());
    let names: Vec<_> = read.sections().map(|section| section.name).collect();
    assert_eq!(names, ["grid", "keys"]);
    let grid = read.section("grid").unwrap();
    assert_eq!(grid.decode::<Room>(3).unwrap(), room("s1", vec![1, -2]));
    let keys: Vec<u8> = read.section("keys").unwrap().decode(1).unwrap();
    assert_eq!(keys.len(), 300);
    assert!(read.section("budget").is_none());

    let error = grid.decode::<Room>(2).unwrap_err().to_string();
    assert!(
        error.contains("version 3") && error.contains("reads 2"),
        "{error}"
    );
    assert!(matches!(grid.decode::<String>(3), Err(Unreadable::Rest(_))));
    assert!(matches!(
        grid.decode::<Vec<String>>(3),
        Err(Unreadable::Content(_))
    ));
}

/// Encodes as an error, after some bytes.
struct Fails;

impl Serialize for Fails {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut some = to.serialize_seq(Some(2))?;
        some.serialize_element("some bytes")?;
        Err(serde::ser::Error::custom("no more"))
    }
}

#[test]
fn a_section_that_fails_leaves_the_others() {
    let mut writer = Writer::new(noon());
    writer.add("first", 1, "1").unwrap();
    writer.add("fails", 1, &Fails).unwrap_err();
    writer.add(&"long".repeat(64), 1, "1").unwrap_err();
    writer.add("last", 1, "2").unwrap();
    let bytes = writer.finish();
    let read = Container::read(&bytes).unwrap();
    let names: Vec<_> = read.sections().map(|section| section.name).collect();
    assert_eq!(names, ["first", "last"]);
    let last: String = read.section("last").unwrap().decode(1).unwrap();
    assert_eq!(last, "2");
}

#[test]
fn a_state_that_is_cut_or_damaged_anywhere_is_refused() {
    let whole = state();
    for length in 1..whole.len() {
        let error = Container::read(&whole[..length]).unwrap_err();
        assert!(
            matches!(error, Refused::Cut(_) | Refused::Damaged { .. }),
            "{length}: {error}"
        );
    }
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = Container::read(&flipped).unwrap_err();
        match bit / 64 {
            0 => assert!(matches!(error, Refused::Foreign), "{error}"),
            1 if bit < 80 => assert!(matches!(error, Refused::Version { .. }), "{error}"),
            _ => assert!(matches!(error, Refused::Damaged { .. }), "{bit}: {error}"),
        }
    }
    assert!(matches!(
        Container::read(b"# my notes"),
        Err(Refused::Foreign)
    ));
}

/// Gives it a checksum that is right.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_be_bytes());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_read_it_takes_no_more_memory_than_it_is_long_and_never_panics(
        noise in vec(any::<u8>(), 0..400),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut changed = state();
        changed.truncate(changed.len() - 4);
        for (at, to) in changes {
            *at.get_mut(&mut changed) = to;
        }
        let cut = cut.index(changed.len() + 1);
        let noise_as_ours = [&state()[..18], &noise].concat();
        for bytes in [noise.clone(), sealed(noise_as_ours), sealed(changed[..cut].to_vec()), sealed(changed)] {
            let Ok(read) = Container::read(&bytes) else { continue };
            for section in read.sections() {
                for version in 0..5 {
                    let _ = section.decode::<Room>(version);
                    if let Ok(loads) = section.decode::<Vec<u64>>(version) {
                        prop_assert!(loads.capacity() <= 1 << 20, "{}", loads.capacity());
                    }
                    let _ = section.decode::<BTreeMap<String, String>>(version);
                    let _ = section.decode::<Vec<Vec<Room>>>(version);
                }
            }
        }
    }
}

struct Here {
    folder: TempDir,
}

impl Here {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn locked(&self) -> StateFile {
        let mut file = StateFile::at(&self.path()).unwrap();
        file.lock().unwrap();
        file
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_file_holds_what_was_written_last_for_this_user_only() {
    let here = Here::new();
    let file = here.locked();
    assert!(file.read().unwrap().is_none());
    for content in [state(), sealed(state())] {
        file.write(&content).unwrap();
        assert_eq!(file.read().unwrap().unwrap(), content);
        assert_eq!(mode(file.path()), 0o600);
    }
    assert_eq!(here.names(), ["state", "state.lock"]);
    // Killed in the middle of a write, as anybody could read then.
    fs::write(here.folder.path().join("state.new"), "SWYST").unwrap();
    file.write(&state()).unwrap();
    assert_eq!(mode(file.path()), 0o600);
    assert_eq!(here.names(), ["state", "state.lock"]);
}

#[test]
fn a_file_belongs_to_one_process_at_a_time() {
    let here = Here::new();
    let mut first = here.locked();
    let mut second = StateFile::at(&here.path()).unwrap();
    let error = second.lock().unwrap_err().to_string();
    for word in [
        "state",
        "in use by another process",
        "state.file",
        "--upgrade",
    ] {
        assert!(error.contains(word), "{word:?} is not in {error}");
    }
    assert!(!second.is_locked());
    assert!(second.write(&state()).is_err());
    assert!(!here.path().exists());
    first.write(&state()).unwrap();
    first.unlock();
    assert!(first.write(&state()).is_err(), "it is another's by now");
    second.lock().unwrap();
    second.write(&sealed(state())).unwrap();
    drop(second);
    first.lock().unwrap();
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let here = Here::new();
    let path = here.path();
    let refused = |found: &str| {
        let error = StateFile::at(&path).unwrap_err().to_string();
        for word in [found, "left alone", "state.file"] {
            assert!(error.contains(word), "{word:?} is not in {error}");
        }
    };
    fs::write(&path, "precious").unwrap();
    refused("begins with \"precious\"");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    fs::remove_file(&path).unwrap();

    fs::create_dir(&path).unwrap();
    refused("a directory");
    fs::remove_dir(&path).unwrap();

    symlink(here.folder.path().join("nowhere"), &path).unwrap();
    refused("a symbolic link");
    fs::remove_file(&path).unwrap();

    let new = here.folder.path().join("state.new");
    fs::write(&new, "precious").unwrap();
    refused("begins with \"precious\"");
    assert_eq!(fs::read(&new).unwrap(), b"precious");
    fs::remove_file(&new).unwrap();

    // It comes while the process runs.
    let file = here.locked();
    fs::write(&path, "precious").unwrap();
    file.write(&state()).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    assert_eq!(here.names(), ["state", "state.lock"]);
}

#[test]
fn what_is_left_of_a_state_is_ours_and_a_link_stays_one() {
    let here = Here::new();
    let path = here.path();
    for left in [&b""[..], b"SWY", &state()[..20]] {
        fs::write(&path, left).unwrap();
        let file = here.locked();
        let read = file.read().unwrap();
        assert!(read.is_none_or(|bytes| Container::read(&bytes).is_err()));
        file.write(&state()).unwrap();
    }
    let link = here.folder.path().join("link");
    symlink(&path, &link).unwrap();
    let mut file = StateFile::at(&link).unwrap();
    file.lock().unwrap();
    file.write(&sealed(state())).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&path).unwrap(), sealed(state()));
}

#[test]
fn without_a_directory_there_is_no_file() {
    let here = Here::new();
    let path = here.folder.path().join("none/state");
    let error = StateFile::at(&path).unwrap_err().to_string();
    for word in ["none/state", "there is no directory", "create it"] {
        assert!(error.contains(word), "{word:?} is not in {error}");
    }
    assert!(!here.folder.path().join("none").exists());
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let here = Here::new();
    fs::write(here.path(), state()).unwrap();
    let file = fs::OpenOptions::new().write(true).open(here.path());
    file.unwrap().set_len(LARGEST as u64 + 1).unwrap();
    let error = here.locked().read().unwrap_err();
    assert!(matches!(error, Refused::TooLarge { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains(&LARGEST.to_string()), "{error}");
}
