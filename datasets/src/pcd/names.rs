//! What the names of a folder's PCD files say.

use std::path::{Path, PathBuf};

use super::seconds;
use crate::error::{Error, Result};

/// One file of a log.
#[derive(Debug, PartialEq)]
pub(super) struct Named {
    /// Its frame's number.
    pub(super) index: u64,
    /// Whether that is in its name.
    pub(super) numbered: bool,
    /// When it was recorded, ns, if its name says so.
    pub(super) stamp: Option<i64>,
    pub(super) path: PathBuf,
}

/// Whether a file is one of points, by its name.
pub(super) fn is_pcd(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("pcd"))
}

/// The PCD files of a folder, or the one file, in the order of their frames.
pub(super) fn list(path: &Path) -> Result<Vec<Named>> {
    if !path.is_dir() {
        return Ok(order(vec![path.into()]));
    }
    let io = |cause| Error::Io {
        path: path.into(),
        cause,
    };
    let mut files = Vec::new();
    for entry in path.read_dir().map_err(io)? {
        files.push(entry.map_err(io)?.path());
    }
    files.retain(|file| is_pcd(file));
    Ok(order(files))
}

/// Names that are all stamps give the order and the times; otherwise names
/// that all have a number give the order and the numbers; otherwise they are
/// ordered as text.
fn order(mut files: Vec<PathBuf>) -> Vec<Named> {
    files.sort();
    let stem = |file: &PathBuf| Some(file.file_stem()?.to_str()?.to_owned());
    let distinct = |keys: Vec<i128>| {
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        sorted.dedup();
        (sorted.len() == files.len()).then_some(keys)
    };
    let all = |key: fn(&str) -> Option<i128>| {
        let keys = files.iter().map(|file| key(&stem(file)?));
        keys.collect::<Option<Vec<_>>>().and_then(distinct)
    };
    let stamps = all(|stem| stamp(stem).map(i128::from));
    let numbers = all(|stem| number(stem).map(i128::from));
    let (keys, stamped, numbered) = match (stamps, numbers) {
        (Some(stamps), _) => (stamps, true, false),
        (None, Some(numbers)) => (numbers, false, true),
        (None, None) => ((0..files.len() as i128).collect(), false, false),
    };
    let mut files: Vec<_> = keys.into_iter().zip(files).collect();
    files.sort_unstable();
    let named = (0..).zip(files).map(|(position, (key, path))| Named {
        index: if numbered { key as u64 } else { position },
        numbered,
        stamp: stamped.then_some(key as i64),
        path,
    });
    named.collect()
}

/// The last number in a name.
fn number(stem: &str) -> Option<u64> {
    let mut runs = stem.rsplit(|c: char| !c.is_ascii_digit());
    runs.find(|run| !run.is_empty())?.parse().ok()
}

/// The time that a name is: milli-, micro- or nanoseconds since the epoch, by
/// the number of digits, or seconds with their fraction after a dot, or with
/// their nanoseconds after an underscore.
fn stamp(stem: &str) -> Option<i64> {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if stem.starts_with('0') {
        return None;
    }
    if is_digits(stem) {
        let unit_ns = match stem.len() {
            13 => 1_000_000,
            16 => 1_000,
            18 | 19 => 1,
            _ => return None,
        };
        return stem.parse::<i64>().ok()?.checked_mul(unit_ns);
    }
    let (whole, part) = stem.split_once(['.', '_'])?;
    let underscore = stem.contains('_');
    let fits = (9..=10).contains(&whole.len()) && (1..=9).contains(&part.len());
    if !fits || !is_digits(whole) || !is_digits(part) || (underscore && part.len() != 9) {
        return None;
    }
    seconds::parse(&format!("{whole}.{part}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ordered(names: &[&str]) -> Vec<(u64, Option<i64>, String)> {
        let named = order(names.iter().map(PathBuf::from).collect());
        let flat = named.into_iter().map(|named| {
            let path = named.path.display().to_string();
            (named.index, named.stamp, path)
        });
        flat.collect()
    }

    #[test]
    fn numbers_are_the_last_of_a_name() {
        for (stem, expected) in [
            ("000123", Some(123)),
            ("scan_7", Some(7)),
            ("lidar2_0040_raw", Some(40)),
            ("wolke→9", Some(9)),
            ("18446744073709551616", None),
            ("cloud", None),
            ("", None),
        ] {
            assert_eq!(number(stem), expected, "{stem}");
        }
    }

    #[test]
    fn stamps_are_known_by_their_digits() {
        let ns = 1_614_600_000_123_456_789;
        for (stem, expected) in [
            ("1614600000123456789", Some(ns)),
            ("1614600000.123456789", Some(ns)),
            ("1614600000_123456789", Some(ns)),
            ("315966070559696000", Some(315_966_070_559_696_000)),
            ("1614600000123456", Some(ns / 1000 * 1000)),
            ("1614600000123", Some(ns / 1_000_000 * 1_000_000)),
            ("1614600000.1", Some(1_614_600_000_100_000_000)),
            ("1614600000_12", None),
            ("0000000020", None),
            ("0000000000000000020", None),
            ("9999999999999999999", None),
            ("1614600000", None),
            ("1614600000.12x", None),
            ("scan", None),
        ] {
            assert_eq!(stamp(stem), expected, "{stem}");
        }
    }

    #[test]
    fn files_are_ordered_by_what_all_of_them_have() {
        let plain = |index, name: &str| (index, None, name.to_owned());
        assert_eq!(
            ordered(&["10.pcd", "9.pcd", "007.pcd"]),
            [plain(7, "007.pcd"), plain(9, "9.pcd"), plain(10, "10.pcd")]
        );
        assert_eq!(
            ordered(&["10.pcd", "b.pcd", "9.pcd"]),
            [plain(0, "10.pcd"), plain(1, "9.pcd"), plain(2, "b.pcd")]
        );
        // A number that two have is none.
        assert_eq!(
            ordered(&["b_1.pcd", "a_1.pcd"]),
            [plain(0, "a_1.pcd"), plain(1, "b_1.pcd")]
        );
        assert_eq!(
            ordered(&["1614600001.5.pcd", "1614600001.25.pcd"]),
            [
                (
                    0,
                    Some(1_614_600_001_250_000_000),
                    "1614600001.25.pcd".into()
                ),
                (
                    1,
                    Some(1_614_600_001_500_000_000),
                    "1614600001.5.pcd".into()
                )
            ]
        );
        assert_eq!(ordered(&[]), []);
    }

    proptest! {
        #[test]
        fn any_names_are_ordered(names in prop::collection::btree_set("[0-9._a-z]{0,22}|\\PC{0,8}", 0..6)) {
            let files: Vec<_> = names.iter().map(|name| PathBuf::from(format!("{name}.pcd"))).collect();
            let named = order(files.clone());
            prop_assert_eq!(named.len(), files.len());
            prop_assert!(named.windows(2).all(|pair| pair[0].index < pair[1].index));
        }
    }
}
