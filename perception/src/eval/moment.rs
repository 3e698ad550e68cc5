//! What is there and what is tracked at one moment, and what of it counts.

use janus_datasets::Class;

use super::overlap::Footprint;
use super::sequence::TrackFrame;

/// Where and how an object is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObjectState {
    /// What it is.
    pub class: Class,
    /// Of its box, in odom, m.
    pub centre: [f64; 3],
    /// Direction of its length, in odom, radians.
    pub yaw: f64,
    /// Length, width and height, m.
    pub size: [f64; 3],
    /// Along x and y of odom, m/s; `None` if it is not known.
    pub velocity: Option<[f64; 2]>,
}

/// An object that is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TruthObject {
    /// The same in all moments.
    pub id: u64,
    /// Where and how it is.
    pub state: ObjectState,
    /// Lidar returns in its box; `None` if nobody counted them.
    pub points: Option<u32>,
    /// Whether it is where things are annotated.
    pub is_covered: bool,
}

/// An object that is tracked.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackedObject {
    /// The same in all moments.
    pub id: u64,
    /// Where and how it is said to be.
    pub state: ObjectState,
    /// The higher the surer.
    pub score: f64,
    /// Where it may go, in any order.
    pub hypotheses: Vec<Hypothesis>,
    /// Whether it is where things are annotated.
    pub is_covered: bool,
}

/// One of the ways that an object may go.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// From 0 to 1.
    pub probability: f64,
    /// Where it is then, the soonest first.
    pub poses: Vec<PredictedPose>,
}

/// Where an object is said to be later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PredictedPose {
    /// Seconds after the moment of the prediction.
    pub after: f64,
    /// x and y in odom, m.
    pub centre: [f64; 2],
    /// In odom, radians.
    pub yaw: f64,
}

/// What is there and what is tracked at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// When, ns.
    pub stamp: i64,
    /// x and y of the vehicle in odom, m.
    pub vehicle: [f64; 2],
    /// Everything that is known to be there.
    pub truths: Vec<TruthObject>,
    /// Everything that is tracked.
    pub tracks: Vec<TrackedObject>,
}

/// What makes a track be like a truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Similarity {
    /// The overlap of their boxes, seen from above.
    Overlap,
    /// How near their centres are over the ground, 0 from so many metres on.
    Nearness(f64),
}

impl Similarity {
    /// How much two are alike, from 0 to 1.
    pub fn of(self, a: &ObjectState, b: &ObjectState) -> f64 {
        match self {
            Self::Overlap => a.footprint().overlap(&b.footprint()),
            Self::Nearness(reach) => a.footprint().nearness(&b.footprint(), reach),
        }
    }
}

impl ObjectState {
    /// Its box seen from above.
    pub fn footprint(&self) -> Footprint {
        let [x, y, _] = self.centre;
        let [length, width, _] = self.size;
        Footprint {
            centre: [x, y],
            yaw: self.yaw,
            length,
            width,
        }
    }
}

/// What counts.
///
/// A truth of [`Relevance::classes`] has to be tracked if it is within
/// [`Relevance::range`] of the vehicle and has [`Relevance::least_points`]
/// returns, as far as they are counted; that is how nuScenes chooses. One that
/// is farther off, has fewer returns or is where nothing is annotated is
/// ignored, and so is one of
/// [`Relevance::neighbours`], classes that are easily taken for these. A track
/// of [`Relevance::classes`] that is an ignored truth's is neither right nor
/// wrong, and neither is one beyond the range, or where nothing is annotated,
/// that is no truth's; that is how KITTI leaves out what is truncated, occluded,
/// of a neighbouring class or too small. Truths and tracks of other classes are not looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Relevance {
    /// What is to be tracked.
    pub classes: Vec<Class>,
    /// What may be tracked as if it were one of these.
    pub neighbours: Vec<Class>,
    /// From the vehicle over the ground, m.
    pub range: f64,
    /// Of the lidars, in its box.
    pub least_points: u32,
    /// What makes a track be like a truth.
    pub similarity: Similarity,
    /// From which similarity on a track is a truth's; above 0.
    pub least: f64,
}

impl Relevance {
    /// What counts of a moment.
    pub fn frame(&self, moment: &Moment) -> TrackFrame {
        let is_far = |state: &ObjectState| {
            let [x, y] = [0, 1].map(|i| state.centre[i] - moment.vehicle[i]);
            x.hypot(y) > self.range
        };
        let truths = moment.truths.iter().filter(|truth| {
            let class = &truth.state.class;
            self.classes.contains(class) || self.neighbours.contains(class)
        });
        let truths: Vec<&TruthObject> = truths.collect();
        let tracks = moment.tracks.iter();
        let tracks = tracks.filter(|track| self.classes.contains(&track.state.class));
        let tracks: Vec<&TrackedObject> = tracks.collect();
        let similarity = truths.iter().flat_map(|truth| {
            let similarity =
                |track: &&TrackedObject| self.similarity.of(&truth.state, &track.state);
            tracks.iter().map(similarity)
        });
        let frame = TrackFrame {
            truths: truths.iter().map(|truth| truth.id).collect(),
            tracks: tracks.iter().map(|track| track.id).collect(),
            similarity: similarity.collect(),
        };
        let ignored = truths.iter().map(|truth| {
            !truth.is_covered
                || !self.classes.contains(&truth.state.class)
                || is_far(&truth.state)
                || truth
                    .points
                    .is_some_and(|points| points < self.least_points)
        });
        let outside = tracks
            .iter()
            .map(|track| !track.is_covered || is_far(&track.state));
        let (ignored, outside): (Vec<bool>, Vec<bool>) = (ignored.collect(), outside.collect());
        frame.without(&ignored, &outside, self.least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(class: Class, x: f64) -> ObjectState {
        ObjectState {
            class,
            centre: [x, 0.0, 0.8],
            yaw: 0.0,
            size: [4.0, 2.0, 1.6],
            velocity: None,
        }
    }

    fn truth(id: u64, class: Class, x: f64, points: Option<u32>) -> TruthObject {
        TruthObject {
            id,
            state: state(class, x),
            points,
            is_covered: true,
        }
    }

    fn track(id: u64, class: Class, x: f64) -> TrackedObject {
        TrackedObject {
            id,
            state: state(class, x),
            score: 1.0,
            hypotheses: Vec::new(),
            is_covered: true,
        }
    }

    #[test]
    fn what_is_ignored_is_neither_missed_nor_wrong() {
        use Class::{Bicycle, Car, Van};
        let relevance = Relevance {
            classes: vec![Car],
            neighbours: vec![Van],
            range: 50.0,
            least_points: 5,
            similarity: Similarity::Overlap,
            least: 0.5,
        };
        let moment = Moment {
            stamp: 0,
            vehicle: [100.0, 0.0],
            truths: vec![
                truth(1, Car, 110.0, Some(5)),
                truth(2, Car, 120.0, Some(4)),
                truth(3, Car, 130.0, None),
                truth(4, Van, 140.0, Some(9)),
                truth(5, Car, 151.0, Some(9)),
                truth(6, Bicycle, 90.0, Some(9)),
            ],
            tracks: vec![
                track(11, Car, 110.4),
                track(12, Car, 120.4),
                track(13, Car, 70.0),
                track(14, Car, 140.4),
                track(15, Car, 149.8),
                track(16, Car, 90.0),
                track(17, Car, 170.0),
                track(18, Van, 130.0),
            ],
        };
        let frame = relevance.frame(&moment);
        // Nobody looks at bicycles: a car where one is, is wrong.
        assert_eq!(frame.truths, [1, 3]);
        assert_eq!(frame.tracks, [11, 13, 16]);
        assert_eq!(frame.matches(0.5), [Some(0), None]);
        // Where nobody annotated, a track is wrong no more, nor anything missed.
        let mut uncovered = moment.clone();
        uncovered.truths[0].is_covered = false;
        uncovered.tracks[5].is_covered = false;
        let frame = relevance.frame(&uncovered);
        assert_eq!((frame.truths, frame.tracks), (vec![3], vec![13]));
        let nothing = Relevance {
            range: 0.0,
            ..relevance
        };
        assert_eq!(nothing.frame(&moment), TrackFrame::default());
    }
}
