//! A line through points, followed by its length.

/// The farthest that a point is from the origin, m.
const FARTHEST: f64 = 1e6;
/// Points nearer to each other than this are one, m.
const SAME: f64 = 1e-3;

/// A line of straight pieces, two points or more. Its stations, and all
/// distances from it, are lengths over the ground: heights do not count.
#[derive(Clone, Debug, PartialEq)]
pub struct Polyline {
    points: Vec<[f64; 3]>,
    /// Length of the way to each point, m.
    stations: Vec<f64>,
}

/// Where a place lies beside a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    /// Length along the line to the point of it that is nearest, m.
    pub station: f64,
    /// How far the place is to the left of the line's direction there, m;
    /// negative to the right.
    pub offset: f64,
    /// How far it is from that point, m; before the line's beginning and
    /// behind its end, and outside of a bend, more than the offset.
    pub distance: f64,
}

/// A place on a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Station {
    /// x, y and z, m.
    pub at: [f64; 3],
    /// Direction of the line, rad from x towards y.
    pub heading: f64,
}

impl Polyline {
    /// The line through points, m, of which those are left out that lie over
    /// the one before; `None` if fewer than two remain, or if one is not
    /// within 1,000 km of the origin.
    pub fn new(points: impl IntoIterator<Item = [f64; 3]>) -> Option<Self> {
        let mut line = Self {
            points: Vec::new(),
            stations: Vec::new(),
        };
        for point in points {
            // What is no number is not within either.
            if !point.iter().all(|c| c.abs() <= FARTHEST) {
                return None;
            }
            let last = line.points.last().zip(line.stations.last());
            let station = match last {
                None => 0.0,
                Some((last, station)) => {
                    let step = apart(*last, point);
                    if step < SAME {
                        continue;
                    }
                    station + step
                }
            };
            line.points.push(point);
            line.stations.push(station);
        }
        (line.points.len() >= 2).then_some(line)
    }

    /// x, y and z, m.
    pub fn points(&self) -> &[[f64; 3]] {
        &self.points
    }

    /// Length of the way to each point, m; the first is 0.
    pub fn stations(&self) -> &[f64] {
        &self.stations
    }

    /// m.
    pub fn length(&self) -> f64 {
        self.stations.last().copied().unwrap_or(0.0)
    }

    /// The place at a station, which is clamped to the line.
    pub fn at(&self, station: f64) -> Station {
        // There are two points or more.
        let next = self.stations.partition_point(|s| *s <= station);
        let next = next.clamp(1, self.points.len() - 1);
        let [from, to] = [self.points[next - 1], self.points[next]];
        let [begin, end] = [self.stations[next - 1], self.stations[next]];
        let part = ((station - begin) / (end - begin)).clamp(0.0, 1.0);
        Station {
            at: std::array::from_fn(|k| from[k] + (to[k] - from[k]) * part),
            heading: (to[1] - from[1]).atan2(to[0] - from[0]),
        }
    }

    /// Where a place lies beside the line; of equally near points the first.
    pub fn project(&self, at: [f64; 2]) -> Projection {
        let nowhere = Projection {
            station: 0.0,
            offset: 0.0,
            distance: f64::INFINITY,
        };
        (0..self.points.len() - 1).fold(nowhere, |best, piece| {
            let found = self.project_on(piece, at);
            if found.distance < best.distance {
                found
            } else {
                best
            }
        })
    }

    /// Where a place lies beside one of the straight pieces, which is there.
    pub(super) fn project_on(&self, piece: usize, [x, y]: [f64; 2]) -> Projection {
        let [from, to] = [self.points[piece], self.points[piece + 1]];
        let [along, across] = [to[0] - from[0], to[1] - from[1]];
        let length = self.stations[piece + 1] - self.stations[piece];
        let [dx, dy] = [x - from[0], y - from[1]];
        let walked = ((dx * along + dy * across) / length).clamp(0.0, length);
        let part = walked / length;
        let off = [dx - along * part, dy - across * part];
        Projection {
            station: self.stations[piece] + walked,
            offset: (dy * along - dx * across) / length,
            distance: off[0].hypot(off[1]),
        }
    }

    /// The line midway between two that run side by side: at each share of
    /// the length at which either has a point. `None` if there is none, since
    /// they run against each other.
    pub fn between(left: &Self, right: &Self) -> Option<Self> {
        let shares = |line: &Self| {
            let length = line.length();
            line.stations.iter().map(move |s| s / length).collect()
        };
        let mut all: Vec<f64> = shares(left);
        all.extend::<Vec<f64>>(shares(right));
        all.sort_by(f64::total_cmp);
        Self::new(all.into_iter().map(|share| {
            let [a, b] = [left, right].map(|line| line.at(share * line.length()).at);
            std::array::from_fn(|k| (a[k] + b[k]) / 2.0)
        }))
    }
}

/// Distance over the ground, m.
fn apart(a: [f64; 3], b: [f64; 3]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(points: &[[f64; 2]]) -> Polyline {
        Polyline::new(points.iter().map(|[x, y]| [*x, *y, 0.0])).expect("is one")
    }

    #[test]
    fn places_are_told_by_station_and_offset() {
        let bent = line(&[[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]);
        assert_eq!(bent.length(), 20.0);
        let found = bent.project([4.0, 1.5]);
        assert_eq!(
            (found.station, found.offset, found.distance),
            (4.0, 1.5, 1.5)
        );
        let found = bent.project([12.0, 7.0]);
        assert_eq!((found.station, found.offset), (17.0, -2.0));
        let before = bent.project([-3.0, 4.0]);
        assert_eq!(
            (before.station, before.offset, before.distance),
            (0.0, 4.0, 5.0)
        );
        let at = bent.at(15.0);
        assert_eq!(
            (at.at, at.heading),
            ([10.0, 5.0, 0.0], std::f64::consts::FRAC_PI_2)
        );
        assert_eq!(bent.at(-1.0).at, [0.0; 3]);
        assert_eq!(bent.at(99.0).at, [10.0, 10.0, 0.0]);
    }

    #[test]
    fn what_is_no_line_is_none() {
        let none = |points: &[[f64; 3]]| Polyline::new(points.iter().copied()).is_none();
        assert!(none(&[]) && none(&[[0.0; 3]]) && none(&[[0.0; 3], [0.0, 0.0, 5.0]]));
        assert!(none(&[[0.0; 3], [f64::NAN, 0.0, 0.0]]));
        assert!(none(&[[0.0; 3], [1.0, 2e6, 0.0]]));
    }

    #[test]
    fn the_middle_lies_midway() {
        let left = line(&[[0.0, 2.0], [5.0, 2.0], [10.0, 2.0]]);
        let right = line(&[[0.0, -1.0], [10.0, -1.0]]);
        let centre = Polyline::between(&left, &right).expect("is one");
        assert!(centre.points().iter().all(|p| p[1] == 0.5));
        assert_eq!(centre.points().len(), 3);
        let back = line(&[[10.0, -2.0], [0.0, -2.0]]);
        assert_eq!(
            Polyline::between(&line(&[[0.0, 2.0], [10.0, 2.0]]), &back),
            None
        );
    }

    proptest! {
        #[test]
        fn a_place_on_the_line_is_found_there(
            points in prop::collection::vec(prop::array::uniform3(-50.0..50.0f64), 2..8),
            part in 0.0..1.0f64,
        ) {
            let Some(line) = Polyline::new(points) else { return Ok(()) };
            let there = line.at(part * line.length()).at;
            let found = line.project([there[0], there[1]]);
            prop_assert!(found.distance < 1e-9 && found.offset.abs() < 1e-9);
            let again = line.at(found.station).at;
            prop_assert!(apart(there, again) < 1e-9);
        }
    }
}
