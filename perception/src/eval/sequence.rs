//! What the metrics of tracking look at: who was there in each frame, who was
//! tracked, and how much these are like those.

use std::collections::BTreeMap;

use crate::assignment::assign;

/// What rounding may take from a similarity, as in `trackeval`.
pub(super) const ROUNDING: f64 = f64::EPSILON;

/// One frame. What it is that makes two alike does not matter: the overlap of
/// their boxes, or how near they are to each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrackFrame {
    /// Identities of what is there, each once.
    pub truths: Vec<u64>,
    /// Identities of what is tracked, each once.
    pub tracks: Vec<u64>,
    /// From 0, nothing in common, to 1, the same: a row for each truth, in it a
    /// number for each track.
    pub similarity: Vec<f64>,
}

/// Frames that are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SequenceError {
    /// An identity is there twice.
    #[error("frame {frame}: {of} has the identity {id} twice; expected each once in a frame")]
    Twice {
        /// Which frame, from 0.
        frame: usize,
        /// `truths` or `tracks`.
        of: &'static str,
        /// The identity.
        id: u64,
    },
    /// There are too many similarities, or too few.
    #[error(
        "frame {frame}: similarity has {found} numbers; expected {expected}, one for each pair"
    )]
    Shape {
        /// Which frame, from 0.
        frame: usize,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
}

/// Frames in their order, in which identities are numbered from zero.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    /// In how many frames each truth is.
    pub(super) truths: Vec<u32>,
    /// In how many frames each track is.
    pub(super) tracks: Vec<u32>,
    pub(super) frames: Vec<Numbered>,
}

/// A frame with numbers for identities.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    pub(super) truths: Vec<usize>,
    pub(super) tracks: Vec<usize>,
    similarity: Vec<f64>,
}

impl Sequence {
    /// Numbers identities. A similarity that is no number is none, one outside
    /// of 0 to 1 the nearer of these.
    ///
    /// # Errors
    /// [`SequenceError`] if an identity is twice in a frame, or a frame has not
    /// one similarity for each pair.
    pub fn new(frames: &[TrackFrame]) -> Result<Self, SequenceError> {
        let mut sequence = Self::default();
        let [mut truths, mut tracks] = [BTreeMap::new(), BTreeMap::new()];
        for (i, frame) in frames.iter().enumerate() {
            let (found, expected) = (
                frame.similarity.len(),
                frame.truths.len().saturating_mul(frame.tracks.len()),
            );
            if found != expected {
                return Err(SequenceError::Shape {
                    frame: i,
                    found,
                    expected,
                });
            }
            let twice = |of, id| SequenceError::Twice { frame: i, of, id };
            let numbered = Numbered {
                truths: number(&frame.truths, &mut truths, &mut sequence.truths)
                    .map_err(|id| twice("truths", id))?,
                tracks: number(&frame.tracks, &mut tracks, &mut sequence.tracks)
                    .map_err(|id| twice("tracks", id))?,
                similarity: frame.similarity.iter().map(|&s| within(s)).collect(),
            };
            sequence.frames.push(numbered);
        }
        Ok(sequence)
    }
}

/// The numbers of identities, counted; the identity that is there twice.
fn number(
    ids: &[u64],
    numbers: &mut BTreeMap<u64, usize>,
    counts: &mut Vec<u32>,
) -> Result<Vec<usize>, u64> {
    let mut found = Vec::with_capacity(ids.len());
    for &id in ids {
        let next = counts.len();
        let number = *numbers.entry(id).or_insert(next);
        if number == next {
            counts.push(0);
        }
        counts[number] += 1;
        found.push(number);
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(pair[0]),
        None => Ok(found),
    }
}

fn within(similarity: f64) -> f64 {
    if similarity.is_nan() {
        0.0
    } else {
        similarity.clamp(0.0, 1.0)
    }
}

impl Numbered {
    /// How much the `i`th truth and the `j`th track are alike.
    pub(super) fn similarity(&self, i: usize, j: usize) -> f64 {
        self.similarity[i * self.tracks.len() + j]
    }
}

impl TrackFrame {
    /// For each truth its track, if any that is at least so much like it,
    /// `least` above 0, so that all together are most alike.
    pub fn matches(&self, least: f64) -> Vec<Option<usize>> {
        let width = self.tracks.len();
        assign(self.truths.len(), width, |i, j| {
            let similarity = self.similarity.get(i * width + j);
            let similarity = similarity.map_or(0.0, |&s| within(s));
            if similarity >= least - ROUNDING {
                similarity
            } else {
                0.0
            }
        })
    }

    /// The frame without what is neither to be found nor wrong to be tracked:
    /// the truths that are `ignored`, the tracks that are theirs, and those
    /// that are `outside` and no truth's; both have a flag for each. Who is
    /// whose is told by [`TrackFrame::matches`] of all.
    ///
    /// That is what `trackeval` does with the truncated, occluded and
    /// neighbouring ones of KITTI.
    pub fn without(&self, ignored: &[bool], outside: &[bool], least: f64) -> Self {
        let is = |flags: &[bool], i: usize| flags.get(i).is_some_and(|&flag| flag);
        let width = self.tracks.len();
        let mut keep: Vec<bool> = (0..width).map(|j| !is(outside, j)).collect();
        for (i, track) in self.matches(least).iter().enumerate() {
            if let &Some(track) = track {
                keep[track] = !is(ignored, i);
            }
        }
        let truths = || (0..self.truths.len()).filter(|&i| !is(ignored, i));
        let tracks = || (0..width).filter(|&j| keep[j]);
        let pairs = truths().flat_map(|i| tracks().map(move |j| i * width + j));
        Self {
            truths: truths().map(|i| self.truths[i]).collect(),
            tracks: tracks().map(|j| self.tracks[j]).collect(),
            similarity: pairs
                .filter_map(|k| self.similarity.get(k).copied())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_sequence_is_told() {
        let frame = |truths: &[u64], tracks: &[u64], pairs| TrackFrame {
            truths: truths.to_vec(),
            tracks: tracks.to_vec(),
            similarity: vec![0.0; pairs],
        };
        let error = |frame| {
            let frames = [TrackFrame::default(), frame];
            Sequence::new(&frames).map(drop)
        };
        assert_eq!(error(frame(&[7, 8], &[9], 2)), Ok(()));
        assert_eq!(
            error(frame(&[7, 8], &[9, 9], 4)),
            Err(SequenceError::Twice {
                frame: 1,
                of: "tracks",
                id: 9
            })
        );
        assert_eq!(
            error(frame(&[7, 8], &[9], 3)),
            Err(SequenceError::Shape {
                frame: 1,
                found: 3,
                expected: 2
            })
        );
    }
}
