//! The identity metrics of tracking (Ristani et al., "Performance Measures and
//! a Data Set for Multi-Target, Multi-Camera Tracking", 2016), as the
//! `trackeval` package has them: how much is right if each truth is given one
//! track for all frames.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::sequence::Sequence;
use crate::assignment::assign;

/// What is right and wrong. Those of several sequences are added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Truths that are tracked by their track, counted in each frame.
    pub hits: u64,
    /// Truths that are not.
    pub misses: u64,
    /// Tracks that are not at their truth.
    pub false_alarms: u64,
}

impl Identity {
    /// The harmonic mean of the two others.
    pub fn idf1(&self) -> f64 {
        let wrong = 0.5 * (self.misses + self.false_alarms) as f64;
        self.hits as f64 / (self.hits as f64 + wrong).max(1.0)
    }

    /// Share of the tracks that is right.
    pub fn idp(&self) -> f64 {
        self.hits as f64 / (self.hits + self.false_alarms).max(1) as f64
    }

    /// Share of the truths that is tracked.
    pub fn idr(&self) -> f64 {
        self.hits as f64 / (self.hits + self.misses).max(1) as f64
    }
}

impl AddAssign<&Self> for Identity {
    fn add_assign(&mut self, other: &Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.false_alarms += other.false_alarms;
    }
}

/// How well a sequence is tracked, where a track is at a truth if they are
/// `least` alike or more.
pub fn identity(sequence: &Sequence, least: f64) -> Identity {
    let mut together: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    for frame in &sequence.frames {
        for (i, &truth) in frame.truths.iter().enumerate() {
            for (j, &track) in frame.tracks.iter().enumerate() {
                if frame.similarity(i, j) >= least {
                    *together.entry((truth, track)).or_default() += 1;
                }
            }
        }
    }
    let count = |truth, track| together.get(&(truth, track)).copied().unwrap_or(0);
    let frames = sequence.frames.len() as f64;
    let assigned = assign(
        sequence.truths.len(),
        sequence.tracks.len(),
        |truth, track| f64::from(count(truth, track)) / frames,
    );
    let pairs = assigned.iter().enumerate();
    let hits = pairs.filter_map(|(truth, &track)| Some(u64::from(count(truth, track?))));
    let hits: u64 = hits.sum();
    let total = |counts: &[u32]| counts.iter().map(|&count| u64::from(count)).sum::<u64>();
    Identity {
        hits,
        misses: total(&sequence.truths) - hits,
        false_alarms: total(&sequence.tracks) - hits,
    }
}
