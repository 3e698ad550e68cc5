//! Higher order tracking accuracy (Luiten et al., "HOTA: A Higher Order Metric
//! for Evaluating Multi-Object Tracking", IJCV 2021), as the `trackeval` package
//! has it: how well things are found, and how well each keeps one track, at 19
//! similarities from which on a track is a thing's.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::sequence::{ROUNDING, Sequence};
use crate::assignment::assign;

/// Similarities from which on a track is a thing's: 0.05 to 0.95.
const ALPHAS: usize = 19;
const STEP: f64 = 0.05;

/// The similarity of [`Hota::alphas`], rounded as that of `trackeval` is.
fn alpha(index: usize) -> f64 {
    STEP + index as f64 * STEP
}

/// Accuracy over all similarities. Those of several sequences are added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hota {
    /// At 0.05, 0.10 and so on to 0.95.
    pub alphas: [HotaAt; ALPHAS],
}

/// Accuracy at one similarity.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HotaAt {
    /// Truths that are tracked, counted in each frame.
    pub hits: u64,
    /// Truths that are not.
    pub misses: u64,
    /// Tracks of no truth.
    pub false_alarms: u64,
    /// Sum of the similarity of the hits.
    similarity: f64,
    /// Sum over the hits of: frames in which the two go together, over frames
    /// in which either is.
    association: f64,
    /// Over frames in which the truth is.
    association_recall: f64,
    /// Over frames in which the track is.
    association_precision: f64,
}

impl HotaAt {
    /// Detection accuracy.
    pub fn det_a(&self) -> f64 {
        share(self.hits, self.hits + self.misses + self.false_alarms)
    }

    /// Share of the truths that are tracked.
    pub fn det_re(&self) -> f64 {
        share(self.hits, self.hits + self.misses)
    }

    /// Share of the tracks that are right.
    pub fn det_pr(&self) -> f64 {
        share(self.hits, self.hits + self.false_alarms)
    }

    /// Association accuracy.
    pub fn ass_a(&self) -> f64 {
        self.association / self.hits.max(1) as f64
    }

    /// Association recall.
    pub fn ass_re(&self) -> f64 {
        self.association_recall / self.hits.max(1) as f64
    }

    /// Association precision.
    pub fn ass_pr(&self) -> f64 {
        self.association_precision / self.hits.max(1) as f64
    }

    /// Localisation accuracy: mean similarity of the hits; 1 without any.
    pub fn loc_a(&self) -> f64 {
        if self.hits == 0 {
            1.0
        } else {
            self.similarity / self.hits as f64
        }
    }

    /// Higher order tracking accuracy.
    pub fn hota(&self) -> f64 {
        (self.det_a() * self.ass_a()).sqrt()
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

impl Hota {
    /// The mean over all similarities of one of their figures, like
    /// [`HotaAt::hota`].
    pub fn mean(&self, of: impl Fn(&HotaAt) -> f64) -> f64 {
        self.alphas.iter().map(of).sum::<f64>() / ALPHAS as f64
    }
}

impl AddAssign<&Self> for Hota {
    fn add_assign(&mut self, other: &Self) {
        for (sum, other) in self.alphas.iter_mut().zip(&other.alphas) {
            sum.hits += other.hits;
            sum.misses += other.misses;
            sum.false_alarms += other.false_alarms;
            sum.similarity += other.similarity;
            sum.association += other.association;
            sum.association_recall += other.association_recall;
            sum.association_precision += other.association_precision;
        }
    }
}

/// How well a sequence is tracked.
pub fn hota(sequence: &Sequence) -> Hota {
    let alignment = alignment(sequence);
    let mut hota = Hota::default();
    let mut together: BTreeMap<(usize, usize), [u32; ALPHAS]> = BTreeMap::new();
    for frame in &sequence.frames {
        let pair = |i: usize, j: usize| (frame.truths[i], frame.tracks[j]);
        let assigned = assign(frame.truths.len(), frame.tracks.len(), |i, j| {
            let aligned = alignment.get(&pair(i, j)).copied();
            aligned.unwrap_or(0.0) * frame.similarity(i, j)
        });
        let pairs = || (0..).zip(&assigned).filter_map(|(i, &j)| Some((i, j?)));
        for (index, at) in hota.alphas.iter_mut().enumerate() {
            let hits = pairs().filter(|&(i, j)| frame.similarity(i, j) >= alpha(index) - ROUNDING);
            let mut count = 0;
            for (i, j) in hits {
                count += 1;
                at.similarity += frame.similarity(i, j);
                together.entry(pair(i, j)).or_default()[index] += 1;
            }
            at.hits += count;
            at.misses += frame.truths.len() as u64 - count;
            at.false_alarms += frame.tracks.len() as u64 - count;
        }
    }
    for (&(truth, track), counts) in &together {
        let [truth, track] = [sequence.truths[truth], sequence.tracks[track]].map(f64::from);
        for (at, &count) in hota.alphas.iter_mut().zip(counts) {
            let count = f64::from(count);
            at.association += count * count / (truth + track - count);
            at.association_recall += count * count / truth;
            at.association_precision += count * count / track;
        }
    }
    hota
}

/// For each pair that is ever alike, by how much over all frames, before anyone
/// is anyone's.
fn alignment(sequence: &Sequence) -> BTreeMap<(usize, usize), f64> {
    let mut common: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for frame in &sequence.frames {
        let (rows, columns) = (frame.truths.len(), frame.tracks.len());
        let sum_of_row = |i| (0..columns).map(|j| frame.similarity(i, j)).sum();
        let sum_of_column = |j| (0..rows).map(|i| frame.similarity(i, j)).sum();
        let of_rows: Vec<f64> = (0..rows).map(sum_of_row).collect();
        let of_columns: Vec<f64> = (0..columns).map(sum_of_column).collect();
        for (i, (&truth, of_row)) in frame.truths.iter().zip(&of_rows).enumerate() {
            for (j, (&track, of_column)) in frame.tracks.iter().zip(&of_columns).enumerate() {
                let similarity = frame.similarity(i, j);
                let either = of_row + of_column - similarity;
                if similarity > 0.0 && either > ROUNDING {
                    *common.entry((truth, track)).or_default() += similarity / either;
                }
            }
        }
    }
    for (&(truth, track), common) in &mut common {
        let either = f64::from(sequence.truths[truth]) + f64::from(sequence.tracks[track]);
        *common /= either - *common;
    }
    common
}
