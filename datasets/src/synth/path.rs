//! A way over the ground: straight pieces with rounded corners.

use nalgebra::Vector2;

/// A line that can be followed by its length.
#[derive(Clone, Debug)]
pub(super) struct Path {
    stations: Vec<Station>,
}

/// A vertex of the line.
#[derive(Clone, Copy, Debug)]
struct Station {
    /// Length along the line, m.
    s: f64,
    at: Vector2<f64>,
    /// The unit tangent.
    ahead: Vector2<f64>,
}

/// Chords in place of a rounded corner.
const CHORDS: usize = 24;

impl Path {
    /// The line through `points`, of which neighbours are apart. Each corner
    /// is a parabola that leaves the straight `corner` metres before it, or
    /// in the middle if that is nearer. The corner of a closed line's end is
    /// rounded too.
    pub(super) fn new(points: &[[f64; 2]], corner: f64, closed: bool) -> Self {
        let points: Vec<Vector2<f64>> = points.iter().map(|&p| Vector2::from(p)).collect();
        let n = points.len();
        let middle = |a: Vector2<f64>, b: Vector2<f64>| (a + b) / 2.0;
        let mut line = Line::default();
        // A closed line begins and ends in the middle of its first side.
        let vertices = if closed { 1..=n } else { 1..=n - 2 };
        let first = if closed {
            middle(points[0], points[1])
        } else {
            points[0]
        };
        line.straight(first, points[1] - points[0]);
        for i in vertices {
            let [before, at, after] = [i - 1, i, i + 1].map(|i| points[i % n]);
            let [to, from] = [at - before, after - at];
            let cut = corner.min(to.norm() / 2.0).min(from.norm() / 2.0);
            if cut > 0.0 {
                let begin = at - to * (cut / to.norm());
                let end = at + from * (cut / from.norm());
                line.straight(begin, to);
                line.bend(begin, at, end);
            } else {
                line.straight(at, to);
                line.straight(at, from);
            }
        }
        let [before, last] = if closed {
            [points[0], first]
        } else {
            [points[n - 2], points[n - 1]]
        };
        line.straight(last, last - before);
        Self {
            stations: line.stations,
        }
    }

    pub(super) fn length(&self) -> f64 {
        self.stations[self.stations.len() - 1].s
    }

    /// Place and unit tangent at a length, which is clamped to the line.
    pub(super) fn at(&self, s: f64) -> (Vector2<f64>, Vector2<f64>) {
        let next = self.stations.partition_point(|station| station.s <= s);
        let [from, to] =
            [next.saturating_sub(1), next.min(self.stations.len() - 1)].map(|i| self.stations[i]);
        let gap = to.s - from.s;
        let part = if gap > 0.0 {
            ((s - from.s) / gap).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let ahead = from.ahead + (to.ahead - from.ahead) * part;
        (from.at + (to.at - from.at) * part, ahead / ahead.norm())
    }

    /// How fast the tangent turns at a length, rad/m.
    pub(super) fn curvature(&self, s: f64) -> f64 {
        let reach = 0.25;
        let [before, after] = [s - reach, s + reach].map(|s| self.at(s).1);
        (after - before).norm() / (2.0 * reach)
    }
}

#[derive(Default)]
struct Line {
    stations: Vec<Station>,
}

impl Line {
    fn straight(&mut self, at: Vector2<f64>, along: Vector2<f64>) {
        self.push(at, along / along.norm());
    }

    /// The parabola of three control points (Bézier).
    fn bend(&mut self, from: Vector2<f64>, by: Vector2<f64>, to: Vector2<f64>) {
        for i in 1..=CHORDS {
            let t = i as f64 / CHORDS as f64;
            let u = 1.0 - t;
            let at = from * (u * u) + by * (2.0 * u * t) + to * (t * t);
            let along = (by - from) * u + (to - by) * t;
            self.straight(at, along);
        }
    }

    fn push(&mut self, at: Vector2<f64>, ahead: Vector2<f64>) {
        let s = match self.stations.last() {
            Some(last) => last.s + (at - last.at).norm(),
            None => 0.0,
        };
        self.stations.push(Station { s, at, ahead });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_corner_is_cut_and_the_ends_stay() {
        let path = Path::new(&[[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]], 4.0, false);
        assert_eq!(path.at(0.0), (Vector2::zeros(), Vector2::x()));
        assert_eq!(path.at(99.0), (Vector2::new(10.0, 10.0), Vector2::y()));
        assert!((path.length() - 18.49).abs() < 0.01, "{}", path.length());
        let (at, ahead) = path.at(path.length() / 2.0);
        assert!((at - Vector2::new(9.0, 1.0)).norm() < 1e-2, "{at}");
        assert!((ahead.x - ahead.y).abs() < 1e-2);
        assert!(path.curvature(2.0) < 1e-9 && path.curvature(path.length() / 2.0) > 0.2);
    }

    #[test]
    fn a_closed_line_ends_where_it_begins() {
        let square = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]];
        let path = Path::new(&square, 2.0, true);
        let [start, end] = [0.0, path.length()].map(|s| path.at(s));
        assert!((start.0 - end.0).norm() < 1e-12 && (start.1 - end.1).norm() < 1e-12);
        assert_eq!(start.0, Vector2::new(5.0, 0.0));
        assert!((path.length() - (24.0 + 4.0 * 3.246)).abs() < 0.02);
    }

    proptest! {
        #[test]
        fn it_goes_on_evenly(
            points in prop::collection::vec(prop::array::uniform2(-20.0..20.0f64), 2..6),
            corner in 0.0..5.0f64, part in 0.0..1.0f64,
        ) {
            prop_assume!(points.windows(2).all(|p| (Vector2::from(p[0]) - Vector2::from(p[1])).norm() > 0.1));
            let path = Path::new(&points, corner, false);
            let s = part * path.length();
            let [a, b] = [s, s + 0.01].map(|s| path.at(s));
            prop_assert!((a.0 - b.0).norm() <= 0.01 + 1e-9);
            prop_assert!((a.1.norm() - 1.0).abs() < 1e-12);
        }
    }
}
