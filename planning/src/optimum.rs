//! How fast a path could be driven: the reference of the speed profile's tests.
//!
//! The fastest motion is sought as the values of z = v^(3/2) at many places, in
//! which jerk is (2/3)·z·z″ + (2/9)·z′², acceleration half the slope of z^(4/3),
//! and the motion out of a standstill, where v grows as s^(2/3), a straight line.
//! All limits are barriers (Boyd and Vandenberghe, "Convex Optimization", 2004,
//! chapter 11); Gauss and Newton's steps go down a path of ever steeper ones.

use crate::ramp::Drive;

/// What the barriers of all limits together may still hold the duration up by.
const GAP: f64 = 1e-4;
/// Cells are at most so much longer than they are far from a standstill, and at
/// least so long, m.
const GRADE: f64 = 0.05;
const FINEST: f64 = 2e-5;

/// Places, and the greatest speed from each to the next.
pub(crate) struct Course {
    places: Vec<f64>,
    limits: Vec<f64>,
    drive: Drive,
}

/// A limit: how much of it is left, and its slope in three values of z that
/// follow each other.
type Slack = (f64, [f64; 3]);

impl Course {
    /// A course from the places where cells begin, and at last where they end,
    /// and their greatest speeds. The cells are divided: the more, the nearer to
    /// the standstill at either end.
    pub(crate) fn new(cells: &[f64], speeds: impl Iterator<Item = f64>, drive: Drive) -> Self {
        let end = cells[cells.len() - 1];
        let (mut places, mut limits) = (vec![0.0], vec![]);
        for (pair, limit) in cells.windows(2).zip(speeds) {
            let mut at = pair[0];
            while at < pair[1] {
                let near = at.min(end - at);
                let step = (GRADE * near).max(FINEST);
                // What begins with the finest ends with it.
                let step = step.min((end - at - FINEST) / (1.0 + GRADE)).max(FINEST);
                at = if pair[1] - at < 1.5 * step {
                    pair[1]
                } else {
                    at + step
                };
                places.push(at);
                limits.push(limit);
            }
        }
        Self {
            places,
            limits,
            drive,
        }
    }

    /// The least duration from standstill to standstill, s.
    pub(crate) fn duration(&self) -> f64 {
        let cells = self.limits.len();
        let whole = self.places[cells];
        let shape = |scale: f64| -> Vec<f64> {
            let hill = |s: &f64| scale * (std::f64::consts::PI * s / whole).sin();
            let mut z: Vec<_> = self.places.iter().map(hill).collect();
            (z[0], z[cells]) = (0.0, 0.0);
            z
        };
        let mut scale = 100.0;
        while self.least(&shape(scale)) <= 0.0 {
            scale /= 2.0;
        }
        let mut z = shape(scale / 2.0);
        let limits = 6.0 * cells as f64;
        let mut weight = self.time(&z) / limits;
        loop {
            for _ in 0..60 {
                if !self.step(&mut z, weight) {
                    break;
                }
            }
            if weight * limits < GAP * self.time(&z) {
                return self.time(&z);
            }
            weight *= 0.4;
        }
    }

    /// One step down. Whether it was worth while.
    fn step(&self, z: &mut Vec<f64>, weight: f64) -> bool {
        let n = z.len();
        let mut gradient = vec![0.0; n];
        // The diagonal and the two beside it.
        let mut hessian = vec![[0.0; 3]; n];
        for (i, &h) in self.steps().iter().enumerate() {
            let (slope, bend) = time_of(h, z[i], z[i + 1]);
            for k in 0..2 {
                gradient[i + k] += slope[k];
                hessian[i + k][0] += bend[k][k];
            }
            hessian[i][1] += bend[0][1];
        }
        self.slacks(z, |first, (slack, slope)| {
            for k in 0..3 {
                if slope[k] == 0.0 {
                    continue;
                }
                gradient[first + k] -= weight / slack * slope[k];
                for l in k..3 {
                    if slope[l] != 0.0 {
                        hessian[first + k][l - k] += weight / (slack * slack) * slope[k] * slope[l];
                    }
                }
            }
        });
        let step = solve(&hessian, &gradient);
        let descent: f64 = step.iter().zip(&gradient).map(|(s, g)| s * g).sum();
        let before = self.merit(z, weight);
        let mut share = 1.0;
        while share > 1e-9 {
            let next: Vec<_> = z.iter().zip(&step).map(|(z, s)| z + share * s).collect();
            if self.least(&next) > 0.0 && self.merit(&next, weight) < before + 0.1 * share * descent
            {
                *z = next;
                return -descent > 1e-7 * before.abs();
            }
            share *= 0.6;
        }
        false
    }

    fn steps(&self) -> Vec<f64> {
        self.places.windows(2).map(|p| p[1] - p[0]).collect()
    }

    fn time(&self, z: &[f64]) -> f64 {
        let steps = self.steps();
        let cells = steps.iter().zip(z.windows(2));
        cells.map(|(h, z)| h * 3.0 / roots(z[0], z[1]).2).sum()
    }

    fn merit(&self, z: &[f64], weight: f64) -> f64 {
        let mut merit = self.time(z);
        self.slacks(z, |_, (slack, _)| merit -= weight * slack.ln());
        merit
    }

    fn least(&self, z: &[f64]) -> f64 {
        let inside = z[1..z.len() - 1].iter().copied().fold(f64::MAX, f64::min);
        let mut least = inside;
        self.slacks(z, |_, (slack, _)| least = least.min(slack));
        least
    }

    /// Every limit, with the index of the first value that it depends on.
    fn slacks(&self, z: &[f64], mut see: impl FnMut(usize, Slack)) {
        let Drive { accel, decel, jerk } = self.drive;
        let steps = self.steps();
        let cells = steps.len();
        for i in 1..cells {
            let most = self.limits[i - 1].min(self.limits[i]).powf(1.5);
            see(i - 1, (1.0 - z[i] / most, [0.0, -1.0 / most, 0.0]));
            let (before, after) = (steps[i - 1], steps[i]);
            let both = before + after;
            let [up, down] = [(z[i + 1] - z[i]) / after, (z[i] - z[i - 1]) / before];
            let second = 2.0 * (up - down) / both;
            let first = (up * before + down * after) / both;
            let is = 2.0 / 3.0 * z[i] * second + 2.0 / 9.0 * first * first;
            let seconds = [
                2.0 / (before * both),
                -2.0 / (before * after),
                2.0 / (after * both),
            ];
            let firsts = [
                -after / (before * both),
                (after - before) / (before * after),
                before / (after * both),
            ];
            let mut slope = [0, 1, 2]
                .map(|k| (2.0 / 3.0 * z[i] * seconds[k] + 4.0 / 9.0 * first * firsts[k]) / jerk);
            slope[1] += 2.0 / 3.0 * second / jerk;
            see(i - 1, (1.0 - is / jerk, slope.map(|s| -s)));
            see(i - 1, (1.0 + is / jerk, slope));
        }
        for i in 0..cells {
            let h = steps[i];
            let [p, q] = [z[i].max(0.0).cbrt(), z[i + 1].max(0.0).cbrt()];
            let is = (q.powi(4) - p.powi(4)) / (2.0 * h);
            let slope = [-2.0 / 3.0 * p / h, 2.0 / 3.0 * q / h];
            let (first, shift) = if i + 2 > cells { (i - 1, 1) } else { (i, 0) };
            let spread = |scale: f64| {
                let mut spread = [0.0; 3];
                spread[shift] = slope[0] * scale;
                spread[shift + 1] = slope[1] * scale;
                spread
            };
            see(first, (1.0 - is / accel, spread(-1.0 / accel)));
            see(first, (1.0 + is / decel, spread(1.0 / decel)));
        }
        // Out of the standstill and into it.
        let start = 2.0 / 9.0 * (z[1] / steps[0]).powi(2) / jerk;
        see(0, (1.0 - start, [0.0, -2.0 * start / z[1], 0.0]));
        let end = 2.0 / 9.0 * (z[cells - 1] / steps[cells - 1]).powi(2) / jerk;
        see(
            cells - 2,
            (1.0 - end, [0.0, -2.0 * end / z[cells - 1], 0.0]),
        );
    }
}

/// The cube roots of two values, and what the time over a cell between them is
/// three times the inverse of, per metre.
fn roots(from: f64, to: f64) -> (f64, f64, f64) {
    let (p, q) = (from.cbrt(), to.cbrt());
    (p, q, p * p + p * q + q * q)
}

/// Slope and bend of the time over a cell.
fn time_of(h: f64, from: f64, to: f64) -> ([f64; 2], [[f64; 2]; 2]) {
    let (p, q, sum) = roots(from, to);
    let by = [2.0 * p + q, 2.0 * q + p];
    let slope = by.map(|b| -3.0 * h * b / (sum * sum));
    let bend = |k: usize, l: usize| {
        let second = if k == l { 2.0 } else { 1.0 };
        3.0 * h * (2.0 * by[k] * by[l] / sum.powi(3) - second / (sum * sum))
    };
    let chain = [p, q].map(|r| if r > 0.0 { 1.0 / (3.0 * r * r) } else { 0.0 });
    let turn = [p, q].map(|r| {
        if r > 0.0 {
            -2.0 / (9.0 * r.powi(5))
        } else {
            0.0
        }
    });
    let mut bends = [[0.0; 2]; 2];
    for k in 0..2 {
        for l in 0..2 {
            bends[k][l] = bend(k, l) * chain[k] * chain[l];
        }
        bends[k][k] += slope[k] * turn[k];
    }
    ([slope[0] * chain[0], slope[1] * chain[1]], bends)
}

/// Minus the solution of a symmetric system of five diagonals whose first and
/// last unknowns are nought.
fn solve(matrix: &[[f64; 3]], right: &[f64]) -> Vec<f64> {
    let n = matrix.len();
    let mut rows = matrix.to_vec();
    let mut x = right.to_vec();
    (rows[0], rows[n - 1]) = ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]);
    (x[0], x[n - 1]) = (0.0, 0.0);
    rows[n - 2][1] = 0.0;
    if n >= 3 {
        rows[n - 3][2] = 0.0;
    }
    for i in 0..n {
        let [d, e, f] = rows[i];
        let d = d.max(1e-300);
        if i + 1 < n {
            rows[i + 1][0] -= e * e / d;
            rows[i + 1][1] -= e * f / d;
            x[i + 1] -= e / d * x[i];
        }
        if i + 2 < n {
            rows[i + 2][0] -= f * f / d;
            x[i + 2] -= f / d * x[i];
        }
    }
    for i in (0..n).rev() {
        let [d, e, f] = rows[i];
        let mut value = x[i];
        if i + 1 < n {
            value -= e * x[i + 1];
        }
        if i + 2 < n {
            value -= f * x[i + 2];
        }
        x[i] = value / d.max(1e-300);
    }
    x.iter().map(|x| -x).collect()
}
