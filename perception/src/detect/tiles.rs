//! Parts of a picture that a network looks at one by one, so that what is
//! small in the picture is large in its input (Akyon et al., "Slicing Aided
//! Hyper Inference", ICIP 2022).

use image::RgbImage;

use super::options::Tiles;

/// A rectangle of a picture, whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    /// Top left corner, x and y.
    pub(super) origin: [u32; 2],
    /// Width and height.
    pub(super) size: [u32; 2],
}

/// How near a cut a box must end to be taken for cut, as a share of the
/// tile's side.
const NEAR: f32 = 0.01;

impl Region {
    pub(super) fn whole(picture: &RgbImage) -> Self {
        Self {
            origin: [0, 0],
            size: [picture.width(), picture.height()],
        }
    }

    /// Whether a box in picture pixels (x_min, y_min, x_max, y_max) ends
    /// where the region does and the picture does not: it may show a part of
    /// an object.
    pub(super) fn cuts(&self, bbox: &[f32; 4], picture: [f32; 2]) -> bool {
        [0, 1].into_iter().any(|axis| {
            let [from, side] = [self.origin[axis] as f32, self.size[axis] as f32];
            let near = side * NEAR;
            let to = from + side;
            from > 0.0 && bbox[axis] < from + near
                || to < picture[axis] && bbox[2 + axis] > to - near
        })
    }
}

/// The whole picture, and its tiles where there are any: equal ones that
/// cover the picture and overlap by the share that is asked for.
pub(super) fn regions(picture: &RgbImage, tiles: Option<Tiles>) -> Vec<Region> {
    let whole = Region::whole(picture);
    let mut regions = vec![whole];
    let Some(tiles) = tiles else { return regions };
    let [columns, rows] = [tiles.columns, tiles.rows];
    let across = spans(whole.size[0], columns, tiles.overlap);
    let down = spans(whole.size[1], rows, tiles.overlap);
    for &(top, height) in &down {
        regions.extend(across.iter().map(|&(left, width)| Region {
            origin: [left, top],
            size: [width, height],
        }));
    }
    // One tile is the whole picture.
    regions.dedup();
    regions
}

/// Start and length of this many spans of equal length that cover `side`.
fn spans(side: u32, count: u32, overlap: f32) -> Vec<(u32, u32)> {
    // count lengths, less the overlap that all but the first share, are a side.
    let covered = f64::from(count) - f64::from(count - 1) * f64::from(overlap);
    let length = (f64::from(side) / covered).ceil().min(f64::from(side));
    let last = f64::from(side) - length;
    (0..count)
        .map(|i| {
            let start = last * f64::from(i) / f64::from((count - 1).max(1));
            (start.round() as u32, length as u32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tiles(rows: u32, columns: u32, overlap: f32) -> Option<Tiles> {
        Some(Tiles {
            rows,
            columns,
            overlap,
        })
    }

    #[test]
    fn a_kitti_picture_in_three() {
        let found = regions(&RgbImage::new(1242, 375), tiles(1, 3, 0.25));
        let places: Vec<_> = found.iter().map(|r| (r.origin[0], r.size[0])).collect();
        assert_eq!(places, [(0, 1242), (0, 497), (373, 497), (745, 497)]);
        assert!(found.iter().all(|r| r.size[1] == 375));
        assert_eq!(regions(&RgbImage::new(9, 9), tiles(1, 1, 0.2)).len(), 1);
    }

    #[test]
    fn a_box_at_an_inner_edge_is_cut() {
        let region = Region {
            origin: [100, 0],
            size: [100, 50],
        };
        for (bbox, cut) in [
            ([120.0, 0.0, 150.0, 50.0], false),
            ([100.0, 10.0, 150.0, 20.0], true),
            ([120.0, 10.0, 199.8, 20.0], true),
            ([150.0, 10.0, 198.0, 20.0], false),
        ] {
            assert_eq!(region.cuts(&bbox, [300.0, 50.0]), cut, "{bbox:?}");
        }
        assert!(!region.cuts(&[150.0, 0.0, 200.0, 9.0], [200.0, 50.0]));
    }

    proptest! {
        #[test]
        fn tiles_cover_every_pixel_and_none_beyond(
            side in 1..3000_u32,
            count in 1..17_u32,
            overlap in 0.0..=0.5_f32,
        ) {
            let spans = spans(side, count, overlap);
            prop_assert_eq!(spans.len(), count as usize);
            let mut covered = 0;
            for &(start, length) in &spans {
                prop_assert!(length >= 1 && start <= covered && start + length <= side);
                covered = start + length;
            }
            prop_assert_eq!(covered, side);
        }
    }
}
