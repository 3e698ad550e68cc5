//! What there is above clusters, which hold nothing that is higher than the
//! vehicle: whether a cluster is the foot of a house or of a tree, and which
//! parts of it are not.

use super::assign::root;
use super::ground::Ground;
use super::rectangle::{Rectangle, hull};
use super::segment::{Return, Segment};

/// Only what is higher may go on above what clusters hold, m.
pub(super) const TALL_M: f64 = 2.0;
/// What goes on above a cluster is seen so close over it, m,
const ABOVE_M: f64 = 0.4;
/// above this share of it.
const ABOVE_SHARE: f64 = 0.3;
/// Over its own ground, a wall goes on at this height, m, and a tree's crown
/// does not yet.
const CLEARANCE_M: f64 = 2.45;
/// No vehicle is higher, m. What is seen higher, up to so much more, m,
const HIGHEST_M: f64 = 4.0;
const HIGHER_M: f64 = 2.0;
/// above this share of a cluster, makes it a structure.
const HIGHER_SHARE: f64 = 0.05;
/// A piece of a cluster has so many returns,
const LEAST_OF_PIECE: usize = 10;
/// and is wider than a wall that is seen from its side, m.
const LEAST_SIDE_M: f64 = 0.2;
/// Columns in which returns that belong to no cluster are noted: side, m,
const COLUMN_M: f64 = 0.4;
/// number along a side,
const COLUMNS: usize = 320;
/// height of a slice, m, of which there are 64,
const SLICE_M: f64 = 0.25;
/// and how far below the vehicle the lowest is, m.
const BELOW_M: f64 = 4.0;

/// Where there are returns that belong to no cluster: of each column, in which
/// slices of its height.
pub(super) struct Above {
    origin: [f64; 3],
    slices: Vec<u64>,
}

impl Above {
    /// Nothing above anything about a place in odom, m.
    pub(super) fn about([x, y, z]: [f64; 3]) -> Self {
        let half = COLUMN_M * COLUMNS as f64 / 2.0;
        Self {
            origin: [x - half, y - half, z - BELOW_M],
            slices: vec![0; COLUMNS * COLUMNS],
        }
    }

    fn column(&self, at: [f64; 3]) -> Option<usize> {
        let [u, v] = [0, 1].map(|k| ((at[k] - self.origin[k]) / COLUMN_M).floor());
        let inside = |c: f64| (0.0..COLUMNS as f64).contains(&c);
        (inside(u) && inside(v)).then(|| v as usize * COLUMNS + u as usize)
    }

    fn slice(&self, z: f64) -> Option<u32> {
        let slice = ((z - self.origin[2]) / SLICE_M).floor();
        (0.0..64.0).contains(&slice).then_some(slice as u32)
    }

    /// Notes a return that belongs to no cluster, m in odom.
    pub(super) fn note(&mut self, at: [f64; 3]) {
        if let (Some(column), Some(slice)) = (self.column(at), self.slice(at[2])) {
            self.slices[column] |= 1 << slice;
        }
    }

    /// Whether something goes on right above much of a cluster.
    pub(super) fn goes_on(&self, segment: &Segment, returns: &[Return]) -> bool {
        let share = self.share(segment.height, ABOVE_M, segment, returns);
        segment.height >= TALL_M && share >= ABOVE_SHARE
    }

    /// Whether there is something above a cluster where no vehicle reaches
    /// that belongs to it.
    pub(super) fn is_high(&self, segment: &Segment, returns: &[Return]) -> bool {
        let share = self.share(HIGHEST_M, HIGHER_M, segment, returns);
        self.goes_on(segment, returns) && share >= HIGHER_SHARE
    }

    /// The parts of a cluster over which nothing goes on, apart from each
    /// other by at least a column.
    pub(super) fn pieces(&self, returns: &[Return], ground: &Ground) -> Vec<Vec<Return>> {
        let low = returns.iter().filter_map(|one| {
            let column = self.column(one.at)?;
            let ground = ground.height([one.at[0], one.at[1]]);
            let mask = self.mask(ground + CLEARANCE_M, ABOVE_M)?;
            (self.slices[column] & mask == 0).then_some((column, *one))
        });
        let low: Vec<(usize, Return)> = low.collect();
        let mut columns: Vec<usize> = low.iter().map(|(column, _)| *column).collect();
        columns.sort_unstable();
        columns.dedup();
        let mut parents: Vec<usize> = (0..columns.len()).collect();
        for i in 0..columns.len() {
            // Each is joined to those before it, which it touches.
            for before in [1, COLUMNS - 1, COLUMNS, COLUMNS + 1] {
                let before = columns[i].checked_sub(before);
                let found = before.and_then(|column| columns.binary_search(&column).ok());
                if let Some(j) = found {
                    let [a, b] = [i, j].map(|node| root(&mut parents, node));
                    parents[a.max(b)] = a.min(b);
                }
            }
        }
        let mut pieces: Vec<Vec<Return>> = vec![Vec::new(); columns.len()];
        for (column, one) in low {
            if let Ok(i) = columns.binary_search(&column) {
                pieces[root(&mut parents, i)].push(one);
            }
        }
        let kept = pieces
            .into_iter()
            .filter(|piece| piece.len() >= LEAST_OF_PIECE && width(piece) > LEAST_SIDE_M);
        kept.collect()
    }

    fn mask(&self, low: f64, span: f64) -> Option<u64> {
        let [from, to] = [self.slice(low)?, self.slice(low + span)?];
        Some((!0u64 << from) & (!0u64 >> (63 - to)))
    }

    /// Above what share of a cluster there is something from a height over
    /// its ground on.
    fn share(&self, height: f64, span: f64, segment: &Segment, returns: &[Return]) -> f64 {
        let Some(mask) = self.mask(segment.ground + height, span) else {
            return 0.0;
        };
        let below = returns.iter().filter(|r| {
            let column = self.column(r.at);
            column.is_some_and(|column| self.slices[column] & mask != 0)
        });
        below.count() as f64 / returns.len().max(1) as f64
    }
}

/// The narrower side of a rectangle around returns, m.
fn width(returns: &[Return]) -> f64 {
    let places: Vec<[f64; 2]> = returns.iter().map(|r| r.seen().at).collect();
    let hull: Vec<[f64; 2]> = hull(&places).into_iter().map(|i| places[i]).collect();
    Rectangle::fit(&hull).map_or(0.0, |fitted| fitted.size[1])
}
