//! Velodyne scans.

use std::path::Path;

use crate::error::{Error, Result};
use crate::file::{self, missing};
use crate::geometry::Point;

/// x, y, z in metres and the reflectance from 0 to 1, each a little-endian f32.
const POINT_BYTES: usize = 16;
/// Some 4 million points; a revolution has about 120,000.
const SCAN_LIMIT: u64 = 64 << 20;

/// Reads a scan's returns. KITTI has already compensated the vehicle's motion,
/// so their times are all zero.
pub(super) fn read(path: &Path) -> Result<Vec<Point>> {
    let bytes = file::read(path, SCAN_LIMIT)
        .map_err(|error| missing(error, |path| Error::MissingScan { path }))?;
    if bytes.is_empty() || bytes.len() % POINT_BYTES != 0 {
        return Err(Error::TruncatedScan {
            path: path.into(),
            bytes: bytes.len(),
            record: POINT_BYTES,
        });
    }
    Ok(points(&bytes))
}

fn points(scan: &[u8]) -> Vec<Point> {
    let (records, _) = scan.as_chunks::<POINT_BYTES>();
    records
        .iter()
        .map(|record| {
            let words: [[u8; 4]; 4] = bytemuck::cast(*record);
            let [x, y, z, reflectance] = words.map(|word| f64::from(f32::from_le_bytes(word)));
            Point::from_metres([x, y, z], reflectance, 0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn points_keep_their_place(values in prop::collection::vec(any::<[u32; 4]>(), 0..50)) {
            let scan: Vec<u8> = values.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
            let points = points(&scan);
            prop_assert_eq!(points.len(), values.len());
            for (point, value) in points.iter().zip(values) {
                let [x, y, z, r] = value.map(|v| f64::from(f32::from_bits(v)));
                prop_assert_eq!(*point, Point::from_metres([x, y, z], r, 0));
            }
        }
    }
}
