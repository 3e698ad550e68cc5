//! How far objects are from where they were said to be going to be.

use std::collections::BTreeMap;

use super::moment::Hypothesis;

/// How far ahead is looked, s.
pub const HORIZONS: [f64; 3] = [1.0, 3.0, 5.0];
/// A hypothesis that is farther off at its end has missed, m.
const MISS: f64 = 2.0;
/// Between two of its places farther apart in time, nobody knows where a truth
/// was, ns.
const GAP: i64 = 1_000_000_000;
/// What rounding may take from a time, s.
const ROUNDING: f64 = 1e-6;

/// Where an object was, over ground.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Way {
    /// x and y in odom, m, at a time, ns.
    pub places: BTreeMap<i64, [f64; 2]>,
}

impl Way {
    /// Where it was at a time, ns; between two places on the line between them.
    fn at(&self, stamp: i64) -> Option<[f64; 2]> {
        let (&before, from) = self.places.range(..=stamp).next_back()?;
        let (&after, to) = self.places.range(stamp..).next()?;
        let gap = after.checked_sub(before).filter(|&gap| gap <= GAP)?;
        Some(between(*from, *to, (stamp - before) as f64, gap as f64))
    }
}

/// What was said of an object, and what it did.
#[derive(Clone, Copy, Debug)]
pub struct Forecast<'a> {
    /// When it was said, ns.
    pub stamp: i64,
    /// Where the object may go.
    pub hypotheses: &'a [Hypothesis],
    /// Where it went.
    pub way: &'a Way,
}

/// How far off hypotheses are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Displacement {
    /// Average displacement error: mean over the predicted poses up to the
    /// horizon, then over the forecasts, m.
    pub ade: f64,
    /// Final displacement error: at the horizon, m.
    pub fde: f64,
    /// Share of the forecasts that are more than 2 m off at the horizon.
    pub miss_rate: f64,
}

/// Errors of forecasts up to a horizon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForecastErrors {
    /// How far ahead, s.
    pub horizon: f64,
    /// How many forecasts there are that reach as far, and whose objects are
    /// known to have been somewhere all that time.
    pub count: usize,
    /// Of each forecast's likeliest hypothesis.
    pub likeliest: Displacement,
    /// Of the likeliest few those that turned out best, one for each figure, as
    /// nuScenes and Argoverse have it (minADE, minFDE, and a miss where all
    /// miss).
    pub best: Displacement,
}

/// Errors of forecasts at each of [`HORIZONS`], with the best of the `most`
/// likeliest hypotheses.
pub fn forecast_errors(
    forecasts: &[Forecast<'_>],
    most: usize,
) -> [ForecastErrors; HORIZONS.len()] {
    HORIZONS.map(|horizon| {
        let mut errors = ForecastErrors {
            horizon,
            count: 0,
            likeliest: Displacement::default(),
            best: Displacement::default(),
        };
        for forecast in forecasts {
            let mut hypotheses: Vec<&Hypothesis> = forecast.hypotheses.iter().collect();
            hypotheses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
            let mut found = hypotheses
                .iter()
                .take(most.max(1))
                .map(|hypothesis| forecast.displacement(hypothesis, horizon));
            let Some(Some(likeliest)) = found.next() else {
                continue;
            };
            let best = found.flatten().fold(likeliest, |best, other| {
                [best[0].min(other[0]), best[1].min(other[1])]
            });
            errors.count += 1;
            errors.likeliest.add(likeliest);
            errors.best.add(best);
        }
        let count = errors.count.max(1) as f64;
        errors.likeliest.divide(count);
        errors.best.divide(count);
        errors
    })
}

impl Displacement {
    fn add(&mut self, [average, last]: [f64; 2]) {
        self.ade += average;
        self.fde += last;
        self.miss_rate += f64::from(u8::from(last > MISS));
    }

    fn divide(&mut self, count: f64) {
        self.ade /= count;
        self.fde /= count;
        self.miss_rate /= count;
    }
}

impl Forecast<'_> {
    /// How far off a hypothesis is on the average and at the end, m; `None` if
    /// it does not reach as far, or nobody knows where the object was.
    fn displacement(&self, hypothesis: &Hypothesis, horizon: f64) -> Option<[f64; 2]> {
        let off = |[x, y]: [f64; 2], after: f64| {
            let stamp = self.stamp.checked_add((after * 1e9).round() as i64)?;
            let [u, v] = self.way.at(stamp)?;
            Some((x - u).hypot(y - v)).filter(|off| off.is_finite())
        };
        let poses = hypothesis.poses.iter();
        let reached = poses.filter(|pose| pose.after > 0.0 && pose.after <= horizon + ROUNDING);
        let each: Option<Vec<f64>> = reached.map(|pose| off(pose.centre, pose.after)).collect();
        let each = each.filter(|each| !each.is_empty())?;
        let last = off(hypothesis.at(horizon)?, horizon)?;
        Some([each.iter().sum::<f64>() / each.len() as f64, last])
    }
}

impl Hypothesis {
    /// Where the object is said to be then; between two poses on the line
    /// between them.
    fn at(&self, after: f64) -> Option<[f64; 2]> {
        let next = self
            .poses
            .iter()
            .position(|pose| pose.after >= after - ROUNDING)?;
        let to = self.poses.get(next)?;
        if to.after <= after + ROUNDING {
            return Some(to.centre);
        }
        let from = self.poses.get(next.checked_sub(1)?)?;
        let (since, gap) = (after - from.after, to.after - from.after);
        Some(between(from.centre, to.centre, since, gap))
    }
}

fn between(from: [f64; 2], to: [f64; 2], since: f64, gap: f64) -> [f64; 2] {
    let share = if gap > 0.0 { since / gap } else { 0.0 };
    [0, 1].map(|i| from[i] + (to[i] - from[i]) * share)
}

#[cfg(test)]
mod tests {
    use super::super::moment::PredictedPose;
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// From the origin along x, and so many metres a second to the left.
    fn hypothesis(probability: f64, speed: f64, aside: f64, until: i32) -> Hypothesis {
        let pose = |i: i32| {
            let after = f64::from(i) * 0.5;
            PredictedPose {
                after,
                centre: [speed * after, aside * after],
                yaw: 0.0,
            }
        };
        Hypothesis {
            probability,
            poses: (1..=until).map(pose).collect(),
        }
    }

    /// 10 m/s along x, seen ten times a second.
    fn way(tenths: i64) -> Way {
        let place = |i: i64| (7 + i * SECOND / 10, [i as f64, 0.0]);
        Way {
            places: (0..=tenths).map(place).collect(),
        }
    }

    fn errors(hypotheses: &[Hypothesis], way: &Way, most: usize) -> [ForecastErrors; 3] {
        let forecast = Forecast {
            stamp: 7,
            hypotheses,
            way,
        };
        forecast_errors(&[forecast], most)
    }

    fn near(found: Displacement, ade: f64, fde: f64, miss_rate: f64) {
        let close = (found.ade - ade).abs() < 1e-9 && (found.fde - fde).abs() < 1e-9;
        assert!(close && found.miss_rate == miss_rate, "{found:?}");
    }

    #[test]
    fn what_goes_aside_is_off_by_that() {
        let hypotheses = [
            hypothesis(0.2, 10.0, 0.1, 12),
            hypothesis(0.7, 10.0, 1.0, 12),
            hypothesis(0.1, 10.0, 0.0, 12),
        ];
        let [one, three, five] = errors(&hypotheses, &way(60), 2);
        near(one.likeliest, 0.75, 1.0, 0.0);
        near(one.best, 0.075, 0.1, 0.0);
        // Half a second at a time: 0.5 to 3 m aside, on the average 1.75.
        near(three.likeliest, 1.75, 3.0, 1.0);
        near(three.best, 0.175, 0.3, 0.0);
        near(five.best, 0.275, 0.5, 0.0);
        let [.., five] = errors(&hypotheses, &way(60), 3);
        near(five.best, 0.0, 0.0, 0.0);
    }

    #[test]
    fn a_horizon_between_two_poses_is_on_the_line() {
        let mut sparse = hypothesis(1.0, 8.0, 0.0, 12);
        sparse.poses.retain(|pose| pose.after != 3.0);
        let [_, three, _] = errors(&[sparse], &way(60), 1);
        assert!((three.likeliest.fde - 6.0).abs() < 1e-9);
    }

    #[test]
    fn what_nobody_knows_does_not_count() {
        let hypotheses = [hypothesis(1.0, 10.0, 0.0, 6)];
        let counts = |way: &Way| errors(&hypotheses, way, 1).map(|errors| errors.count);
        // The forecast ends after 3 s,
        assert_eq!(counts(&way(60)), [1, 1, 0]);
        // the object is seen for 2.9 s,
        assert_eq!(counts(&way(29)), [1, 0, 0]);
        // or not for a while.
        let mut hidden = way(60);
        hidden
            .places
            .retain(|stamp, _| !(11..=21).contains(&(stamp * 10 / SECOND)));
        assert_eq!(counts(&hidden), [1, 0, 0]);
        assert_eq!(errors(&[], &way(60), 1).map(|errors| errors.count), [0; 3]);
        let mut nowhere = hypotheses[0].clone();
        nowhere.poses[0].centre = [f64::NAN, 0.0];
        assert_eq!(
            errors(&[nowhere], &way(60), 1).map(|errors| errors.count),
            [0; 3]
        );
    }
}
