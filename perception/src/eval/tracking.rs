//! All that is asked of a tracker, of a sequence of moments.

use std::collections::BTreeMap;

use super::box_errors::{BoxErrors, box_errors};
use super::clear::{Clear, clear};
use super::forecast_errors::{Forecast, ForecastErrors, HORIZONS, Way, forecast_errors};
use super::hota::{Hota, hota};
use super::identity::{Identity, identity};
use super::moment::{Moment, ObjectState, Relevance, TrackedObject, TruthObject};
use super::sequence::{Sequence, SequenceError};

/// What is faster moves, m/s.
pub const MOVING: f64 = 0.5;

/// How well the objects of a log are tracked.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackingScore {
    /// Higher order tracking accuracy.
    pub hota: Hota,
    /// What is missed, false and switched.
    pub clear: Clear,
    /// What is right with one track for each truth.
    pub identity: Identity,
    /// Of the boxes of tracks at their truths.
    pub boxes: BoxErrors,
    /// Share of these that have their truth's class; `None` without any.
    pub right_class: Option<f64>,
    /// Of the forecasts for these tracks.
    pub forecasts: [ForecastErrors; HORIZONS.len()],
    /// Of those alone whose truth moves at the time, faster than
    /// [`MOVING`].
    pub moving: [ForecastErrors; HORIZONS.len()],
}

/// Scores the tracks of a sequence, in the order of time, by what counts; of
/// forecasts the best of the `hypotheses` likeliest.
///
/// # Errors
/// [`SequenceError`] if an identity is there twice at one moment.
pub fn score_tracking(
    moments: &[Moment],
    relevance: &Relevance,
    hypotheses: usize,
) -> Result<TrackingScore, SequenceError> {
    let frames: Vec<_> = moments
        .iter()
        .map(|moment| relevance.frame(moment))
        .collect();
    let sequence = Sequence::new(&frames)?;
    let ways = ways(moments);

    let mut boxes: Vec<(ObjectState, ObjectState)> = Vec::new();
    let (mut forecasts, mut moving) = (Vec::new(), Vec::new());
    for (number, (moment, frame)) in moments.iter().zip(&frames).enumerate() {
        let twice = |of, id| SequenceError::Twice {
            frame: number,
            of,
            id,
        };
        let mut truths: BTreeMap<u64, &TruthObject> = BTreeMap::new();
        for truth in &moment.truths {
            if truths.insert(truth.id, truth).is_some() {
                return Err(twice("truths", truth.id));
            }
        }
        let mut tracks: BTreeMap<u64, &TrackedObject> = BTreeMap::new();
        for track in &moment.tracks {
            if tracks.insert(track.id, track).is_some() {
                return Err(twice("tracks", track.id));
            }
        }
        for (i, j) in frame.matches(relevance.least).iter().enumerate() {
            let Some(j) = j else { continue };
            let (truth, track) = (truths[&frame.truths[i]], tracks[&frame.tracks[*j]]);
            boxes.push((truth.state, track.state));
            let forecast = Forecast {
                stamp: moment.stamp,
                hypotheses: &track.hypotheses,
                way: &ways[&truth.id],
            };
            forecasts.push(forecast);
            let speed = truth.state.velocity.map(|[x, y]| x.hypot(y));
            moving.extend(speed.filter(|speed| *speed > MOVING).map(|_| forecast));
        }
    }
    let right = boxes.iter().filter(|(a, b)| a.class == b.class).count();
    Ok(TrackingScore {
        hota: hota(&sequence),
        clear: clear(&sequence, relevance.least),
        identity: identity(&sequence, relevance.least),
        right_class: (!boxes.is_empty()).then(|| right as f64 / boxes.len() as f64),
        boxes: box_errors(&boxes),
        forecasts: forecast_errors(&forecasts, hypotheses),
        moving: forecast_errors(&moving, hypotheses),
    })
}

/// Where each truth was, whether or not it counted there.
fn ways(moments: &[Moment]) -> BTreeMap<u64, Way> {
    let mut ways: BTreeMap<u64, Way> = BTreeMap::new();
    for moment in moments {
        for truth in &moment.truths {
            let [x, y, _] = truth.state.centre;
            let way = ways.entry(truth.id).or_default();
            way.places.insert(moment.stamp, [x, y]);
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::super::moment::{Hypothesis, PredictedPose, Similarity};
    use super::*;
    use janus_datasets::Class;

    const RELEVANCE: fn() -> Relevance = || Relevance {
        classes: vec![Class::Car],
        neighbours: vec![Class::Van],
        range: 100.0,
        least_points: 1,
        similarity: Similarity::Nearness(4.0),
        least: 0.5,
    };

    /// Two cars, one after the other, at 10 m/s, for eight seconds; each has a
    /// track that is so far aside, and that the other gets at frame `switch`.
    fn moments(aside: f64, switch: usize) -> Vec<Moment> {
        let moment = |i: usize| {
            let t = i as f64 / 10.0;
            let state = |k: u64, y: f64| ObjectState {
                class: Class::Car,
                centre: [10.0 * t - 20.0 * k as f64, y, 0.8],
                yaw: 0.0,
                size: [4.0, 2.0, 1.5],
                velocity: Some([10.0, 0.0]),
            };
            let poses = |k: u64| {
                let pose = |step: usize| {
                    let after = step as f64 * 0.5;
                    let [x, y, _] = state(k, aside).centre;
                    PredictedPose {
                        after,
                        centre: [x + 10.0 * after, y],
                        yaw: 0.0,
                    }
                };
                (1..=10).map(pose).collect()
            };
            let track = |k: u64| TrackedObject {
                id: if i < switch { 10 + k } else { 11 - k },
                state: state(k, aside),
                score: 0.9,
                hypotheses: vec![Hypothesis {
                    probability: 1.0,
                    poses: poses(k),
                }],
                is_covered: true,
            };
            let truth = |k: u64| TruthObject {
                id: k,
                state: state(k, 0.0),
                points: Some(50),
                is_covered: true,
            };
            Moment {
                stamp: i as i64 * 100_000_000,
                vehicle: [10.0 * t, 0.0],
                truths: [0, 1].map(truth).to_vec(),
                tracks: [0, 1].map(track).to_vec(),
            }
        };
        (0..80).map(moment).collect()
    }

    #[test]
    fn what_is_tracked_without_a_fault_has_full_marks() {
        let score = score_tracking(&moments(0.0, 80), &RELEVANCE(), 1).expect("is a sequence");
        assert_eq!(score.hota.mean(super::super::HotaAt::hota), 1.0);
        assert_eq!((score.clear.mota(), score.clear.motp()), (1.0, 1.0));
        assert_eq!((score.identity.idf1(), score.right_class), (1.0, Some(1.0)));
        assert_eq!(
            score.boxes.centre.map(|spread| (spread.count, spread.rms)),
            Some((160, 0.0))
        );
        // Of 80 frames the last whose object is seen for five seconds more is
        // the thirtieth.
        assert_eq!(score.forecasts.map(|errors| errors.count), [140, 100, 60]);
        assert!(
            score
                .forecasts
                .iter()
                .all(|errors| errors.likeliest.fde < 1e-9)
        );
    }

    #[test]
    fn what_is_swapped_is_a_switch_of_both() {
        let score = score_tracking(&moments(1.0, 40), &RELEVANCE(), 1).expect("is a sequence");
        assert_eq!((score.clear.switches, score.clear.misses), (2, 0));
        assert!((score.clear.mota() - (1.0 - 2.0 / 160.0)).abs() < 1e-12);
        assert!((score.clear.motp() - 0.75).abs() < 1e-9);
        assert_eq!(score.identity.idf1(), 0.5);
        // Each pair is together for half of its frames: 40 of 120.
        let at = &score.hota.alphas[0];
        assert!((at.ass_a() - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(at.det_a(), 1.0);
        let centre = score.boxes.centre.expect("there are pairs");
        assert!((centre.median - 1.0).abs() < 1e-9);
        assert!(
            score
                .forecasts
                .iter()
                .all(|errors| (errors.best.ade - 1.0).abs() < 1e-9)
        );
    }

    #[test]
    fn an_identity_that_is_there_twice_is_told() {
        let mut moments = moments(0.0, 80);
        moments[3].tracks[1].id = 10;
        let error = score_tracking(&moments, &RELEVANCE(), 1).expect_err("is none");
        assert_eq!(
            error.to_string(),
            "frame 3: tracks has the identity 10 twice; expected each once in a frame"
        );
    }
}
