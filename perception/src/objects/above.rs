//! What there is above clusters, which hold nothing that is higher than the
//! vehicle: whether a cluster is the foot of a house or of a tree, and which
//! parts of it are not.

use super::disjoint_sets::DisjointSets;
use super::ground::Ground;
use super::rectangle::{Rectangle, hull};
use super::segment::{Return, Segment};
use super::square::Square;

/// Only what reaches so near to the height up to which there are clusters may
/// go on above it, m.
const BELOW_CLEARANCE_M: f64 = 0.5;
/// What goes on above a cluster is seen so close over it, m,
const ABOVE_M: f64 = 0.4;
/// above this share of it.
const ABOVE_SHARE: f64 = 0.3;
/// Over its own ground, a wall goes on so little below that height, m, and a
/// tree's crown does not yet.
const AT_CLEARANCE_M: f64 = 0.05;
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
pub(super) const COLUMN_M: f64 = 0.4;
/// height of a slice, m, of which there are 64,
const SLICE_M: f64 = 0.25;
/// and how far below the vehicle the lowest is, m.
const BELOW_M: f64 = 4.0;

/// Where there are returns that belong to no cluster: of each column, in which
/// slices of its height.
pub(super) struct Above {
    square: Square,
    /// Where the lowest slice begins, m in odom.
    bottom: f64,
    /// What is higher over the ground belongs to no cluster, m.
    clearance: f64,
    slices: Vec<u64>,
}

impl Above {
    /// Nothing above anything about a vehicle of this height in odom, m.
    pub(super) fn new(square: Square, z: f64, clearance: f64) -> Self {
        Self {
            square,
            bottom: z - BELOW_M,
            clearance,
            slices: vec![0; square.cells()],
        }
    }

    fn column(&self, at: [f64; 3]) -> Option<usize> {
        self.square.index(self.square.cell([at[0], at[1]]))
    }

    fn slice(&self, z: f64) -> Option<u32> {
        let slice = ((z - self.bottom) / SLICE_M).floor();
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
        self.may_go_on(segment.height)
            && self.share(segment.height, ABOVE_M, segment, returns) >= ABOVE_SHARE
    }

    /// Whether a cluster of this height, m, may be a part of something higher.
    pub(super) fn may_go_on(&self, height: f64) -> bool {
        height >= self.clearance - BELOW_CLEARANCE_M
    }

    /// How high a vehicle is, m over its ground, that goes on above its
    /// cluster: as high as the highest slice that is above enough of it.
    pub(super) fn top(&self, segment: &Segment, returns: &[Return]) -> f64 {
        let least = (returns.len() as f64 * HIGHER_SHARE).max(1.0);
        let mut above = [0u32; 64];
        for column in returns.iter().filter_map(|r| self.column(r.at)) {
            for (slice, count) in above.iter_mut().enumerate() {
                *count += (self.slices[column] >> slice & 1) as u32;
            }
        }
        let middle = |slice: usize| self.bottom + (slice as f64 + 0.5) * SLICE_M - segment.ground;
        let counts = above.iter().enumerate().rev();
        let high = counts.filter(|(_, count)| f64::from(**count) >= least);
        let high = high.map(|(slice, _)| middle(slice));
        let top = high.into_iter().find(|height| *height <= HIGHEST_M);
        top.unwrap_or(0.0).max(segment.height)
    }

    /// Whether there is something above a cluster where no vehicle reaches
    /// that belongs to it.
    pub(super) fn is_high(&self, segment: &Segment, returns: &[Return]) -> bool {
        self.goes_on(segment, returns)
            && self.share(HIGHEST_M, HIGHER_M, segment, returns) >= HIGHER_SHARE
    }

    /// The parts of a cluster over which nothing goes on, apart from each
    /// other by at least a column.
    pub(super) fn pieces(&self, returns: &[Return], ground: &Ground) -> Vec<Vec<Return>> {
        let mut ground = ground.nearby();
        let low = returns.iter().filter_map(|one| {
            let column = self.column(one.at)?;
            let ground = ground.height([one.at[0], one.at[1]]);
            let mask = self.mask(ground + self.clearance - AT_CLEARANCE_M, ABOVE_M)?;
            (self.slices[column] & mask == 0).then_some((column, *one))
        });
        let low: Vec<(usize, Return)> = low.collect();
        let mut columns: Vec<usize> = low.iter().map(|(column, _)| *column).collect();
        columns.sort_unstable();
        columns.dedup();
        let mut sets = DisjointSets::new(columns.len());
        let row = self.square.row();
        for (i, column) in columns.iter().enumerate() {
            // Each is joined to those before it, which it touches.
            for before in [1, row - 1, row, row + 1] {
                let before = column.checked_sub(before);
                let found = before.and_then(|column| columns.binary_search(&column).ok());
                if let Some(j) = found {
                    sets.join(i, j);
                }
            }
        }
        let mut pieces: Vec<Vec<Return>> = vec![Vec::new(); columns.len()];
        for (column, one) in low {
            if let Ok(i) = columns.binary_search(&column) {
                pieces[sets.of(i)].push(one);
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
