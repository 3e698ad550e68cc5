//! The CLEAR metrics of tracking (Bernardin and Stiefelhagen, "Evaluating
//! Multiple Object Tracking Performance: The CLEAR MOT Metrics", 2008), as the
//! `trackeval` package has them: what is missed, what is tracked and not there,
//! and how often a thing's track becomes another.

use std::ops::AddAssign;

use super::sequence::{ROUNDING, Sequence};
use crate::assignment::assign;

/// What it counts more to stay with a track than to be like it.
const STAYING: f64 = 1_000.0;

/// What went right and wrong. Those of several sequences are added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clear {
    /// Truths that are tracked, counted in each frame.
    pub hits: u64,
    /// Truths that are not.
    pub misses: u64,
    /// Tracks of no truth.
    pub false_alarms: u64,
    /// How often a truth's track was another than the last that it had.
    pub switches: u64,
    /// How often a truth was tracked again after it was not.
    pub fragmentations: u64,
    /// Truths that are tracked in more than 80 % of their frames.
    pub mostly_tracked: u64,
    /// In 20 to 80 %.
    pub partly_tracked: u64,
    /// In less than 20 %.
    pub mostly_lost: u64,
    /// Sum of the similarity of the hits.
    similarity: f64,
}

impl Clear {
    /// Multiple object tracking accuracy: at most 1, and below 0 where more goes
    /// wrong than there is.
    pub fn mota(&self) -> f64 {
        let right = self.hits as f64 - self.false_alarms as f64 - self.switches as f64;
        right / (self.hits + self.misses).max(1) as f64
    }

    /// Multiple object tracking precision: mean similarity of the hits.
    pub fn motp(&self) -> f64 {
        self.similarity / self.hits.max(1) as f64
    }
}

impl AddAssign<&Self> for Clear {
    fn add_assign(&mut self, other: &Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.false_alarms += other.false_alarms;
        self.switches += other.switches;
        self.fragmentations += other.fragmentations;
        self.mostly_tracked += other.mostly_tracked;
        self.partly_tracked += other.partly_tracked;
        self.mostly_lost += other.mostly_lost;
        self.similarity += other.similarity;
    }
}

/// What is known of a truth so far.
#[derive(Clone, Default)]
struct Past {
    /// The last track that it had.
    last: Option<usize>,
    /// That of the last frame in which there were both truths and tracks.
    current: Option<usize>,
    /// In how many frames it was tracked,
    hits: u32,
    /// and how often that began.
    begun: u64,
}

/// How well a sequence is tracked, where a track is a truth's if they are
/// `least` alike or more; `least` is above 0.
pub fn clear(sequence: &Sequence, least: f64) -> Clear {
    let mut clear = Clear::default();
    let mut pasts = vec![Past::default(); sequence.truths.len()];
    for frame in &sequence.frames {
        let assigned = assign(frame.truths.len(), frame.tracks.len(), |i, j| {
            let similarity = frame.similarity(i, j);
            if similarity < least - ROUNDING {
                0.0
            } else if pasts[frame.truths[i]].current == Some(frame.tracks[j]) {
                STAYING + similarity
            } else {
                similarity
            }
        });
        let hits = assigned.iter().flatten().count() as u64;
        clear.hits += hits;
        clear.misses += frame.truths.len() as u64 - hits;
        clear.false_alarms += frame.tracks.len() as u64 - hits;
        // A frame in which nothing is or nothing is tracked ends no track.
        if frame.truths.is_empty() || frame.tracks.is_empty() {
            continue;
        }
        let before: Vec<bool> = pasts.iter().map(|past| past.current.is_some()).collect();
        pasts.iter_mut().for_each(|past| past.current = None);
        for (i, j) in assigned.iter().enumerate() {
            let &Some(j) = j else { continue };
            let (truth, track) = (frame.truths[i], frame.tracks[j]);
            let past = &mut pasts[truth];
            clear.similarity += frame.similarity(i, j);
            clear.switches += u64::from(past.last.is_some_and(|last| last != track));
            past.last = Some(track);
            past.current = Some(track);
            past.hits += 1;
            past.begun += u64::from(!before[truth]);
        }
    }
    for (past, &frames) in pasts.iter().zip(&sequence.truths) {
        clear.fragmentations += past.begun.saturating_sub(1);
        let tracked = f64::from(past.hits) / f64::from(frames);
        let count = if tracked > 0.8 {
            &mut clear.mostly_tracked
        } else if tracked >= 0.2 {
            &mut clear.partly_tracked
        } else {
            &mut clear.mostly_lost
        };
        *count += 1;
    }
    clear
}
