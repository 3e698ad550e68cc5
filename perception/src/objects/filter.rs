//! How a thing moves: an interacting multiple model filter (Blom and
//! Bar-Shalom, "The interacting multiple model algorithm for systems with
//! Markovian switching coefficients", 1988) of two models. One stands still;
//! the other goes on at a constant turn rate and velocity, with an extended
//! Kalman filter (Schubert, Richter and Wanielik, "Comparison and evaluation
//! of advanced motion models for vehicle tracking", FUSION 2008). Velocity is
//! kept by its components, so that something that stands needs no heading.

use std::f64::consts::PI;

use nalgebra::{Matrix2, SMatrix, SVector, Vector2};

/// x, y (m), yaw (rad), the velocity's x and y (m/s), yaw rate (rad/s).
pub(super) type State = SVector<f64, 6>;
/// Their covariance.
pub(super) type Covariance = SMatrix<f64, 6, 6>;

/// How often what stands begins to move, and what moves comes to stand, 1/s.
const STARTS: f64 = 0.1;
const STOPS: f64 = 0.3;
/// Standard deviation of the speed of something that begins to move, m/s, and
/// of its turn rate, rad/s.
const START_SPEED: f64 = 1.0;
const START_TURN: f64 = 0.2;
/// How the place and heading of what stands seem to wander, as other sides of
/// it come into view, m/√s and rad/√s.
const WANDER_M: f64 = 0.1;
const WANDER_RAD: f64 = 0.03;
/// Acceleration, m/s²/√Hz, and change of turn rate, rad/s²/√Hz, of what moves.
const JOLT: f64 = 1.2;
const TURN_JOLT: f64 = 0.4;
/// A turn rate comes down to a third in this time, s.
const TURN_LASTS_S: f64 = 3.0;
/// What has wheels hardly moves sideways, m/s.
const SIDEWAYS: f64 = 0.3;

/// A place that was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// In odom, m.
    pub(super) at: [f64; 2],
    /// Its covariance, m².
    pub(super) covariance: Matrix2<f64>,
}

/// A Gaussian.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gaussian {
    pub(super) mean: State,
    pub(super) covariance: Covariance,
}

/// Both models, and how likely it is that the second holds.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    standing: Gaussian,
    pub(super) moving: Gaussian,
    pub(super) moves: f64,
}

impl Gaussian {
    /// Lets time pass at a constant turn rate and velocity.
    pub(super) fn go_on(&mut self, dt: f64) {
        let rate = self.mean[5];
        let (sin, cos) = (rate * dt).sin_cos();
        let [vx, vy] = [self.mean[3], self.mean[4]];
        // The means of cosine and sine over the time.
        let (s, c, ds, dc) = if (rate * dt).abs() > 1e-4 {
            let s = sin / rate;
            let c = (1.0 - cos) / rate;
            (s, c, (dt * cos - s) / rate, (dt * sin - c) / rate)
        } else {
            (
                dt,
                rate * dt * dt / 2.0,
                -rate * dt.powi(3) / 3.0,
                dt * dt / 2.0,
            )
        };
        let decay = (-dt / TURN_LASTS_S).exp();
        let mut f = Covariance::identity();
        f[(0, 3)] = s;
        f[(0, 4)] = -c;
        f[(0, 5)] = vx * ds - vy * dc;
        f[(1, 3)] = c;
        f[(1, 4)] = s;
        f[(1, 5)] = vx * dc + vy * ds;
        f[(2, 5)] = dt;
        f[(3, 3)] = cos;
        f[(3, 4)] = -sin;
        f[(3, 5)] = -dt * (vx * sin + vy * cos);
        f[(4, 3)] = sin;
        f[(4, 4)] = cos;
        f[(4, 5)] = dt * (vx * cos - vy * sin);
        f[(5, 5)] = decay;
        self.mean[0] += vx * s - vy * c;
        self.mean[1] += vx * c + vy * s;
        self.mean[2] += rate * dt;
        self.mean[3] = vx * cos - vy * sin;
        self.mean[4] = vx * sin + vy * cos;
        self.mean[5] = rate * decay;
        self.covariance = f * self.covariance * f.transpose();
        // White noise in acceleration and in the change of turn rate.
        for (a, b, noise) in [(0, 3, JOLT), (1, 4, JOLT), (2, 5, TURN_JOLT)] {
            let q = noise * noise * dt;
            self.covariance[(a, a)] += q * dt * dt / 3.0;
            self.covariance[(a, b)] += q * dt / 2.0;
            self.covariance[(b, a)] += q * dt / 2.0;
            self.covariance[(b, b)] += q;
        }
    }

    /// Takes in a measurement of some linear combinations of the state. Gives
    /// the innovation's distance, squared, and its covariance.
    fn take<const N: usize>(
        &mut self,
        innovation: SVector<f64, N>,
        h: SMatrix<f64, N, 6>,
        noise: SMatrix<f64, N, N>,
    ) -> (f64, SMatrix<f64, N, N>) {
        let s = h * self.covariance * h.transpose() + noise;
        let Some(inverse) = s.try_inverse() else {
            return (f64::INFINITY, s);
        };
        let gain = self.covariance * h.transpose() * inverse;
        self.mean += gain * innovation;
        // Joseph's form keeps it symmetric and positive.
        let rest = Covariance::identity() - gain * h;
        self.covariance =
            rest * self.covariance * rest.transpose() + gain * noise * gain.transpose();
        ((innovation.transpose() * inverse * innovation)[0], s)
    }

    /// Takes in a place; gives its likelihood.
    fn take_place(&mut self, place: &Place) -> f64 {
        let mut h = SMatrix::<f64, 2, 6>::zeros();
        h[(0, 0)] = 1.0;
        h[(1, 1)] = 1.0;
        let off = Vector2::from(place.at) - self.mean.fixed_rows::<2>(0);
        let (distance, s) = self.take(off, h, place.covariance);
        let area = 2.0 * PI * s.determinant().max(f64::MIN_POSITIVE).sqrt();
        ((-0.5 * distance).exp() / area).max(1e-30)
    }

    /// Takes in a heading that may as well point the other way.
    fn take_yaw(&mut self, yaw: f64, deviation: f64) {
        let mut h = SMatrix::<f64, 1, 6>::zeros();
        h[(0, 2)] = 1.0;
        let off = nearest_axis(yaw, self.mean[2], PI) - self.mean[2];
        let noise = deviation * deviation;
        self.take(SVector::from([off]), h, SMatrix::from([[noise]]));
    }

    /// Takes in that it does not move sideways.
    fn take_rolling(&mut self) {
        let (sin, cos) = self.mean[2].sin_cos();
        let [vx, vy] = [self.mean[3], self.mean[4]];
        let mut h = SMatrix::<f64, 1, 6>::zeros();
        h[(0, 2)] = -cos * vx - sin * vy;
        h[(0, 3)] = -sin;
        h[(0, 4)] = cos;
        let off = sin * vx - cos * vy;
        let noise = SIDEWAYS * SIDEWAYS;
        self.take(SVector::from([off]), h, SMatrix::from([[noise]]));
    }

    fn mix(parts: [(&Self, f64); 2]) -> Self {
        let mean = parts[0].0.mean * parts[0].1 + parts[1].0.mean * parts[1].1;
        let mut covariance = Covariance::zeros();
        for (part, weight) in parts {
            let off = part.mean - mean;
            covariance += (part.covariance + off * off.transpose()) * weight;
        }
        Self { mean, covariance }
    }
}

/// The angle that is the same as `angle` up to multiples of `period`, and
/// nearest to `to`.
pub(super) fn nearest_axis(angle: f64, to: f64, period: f64) -> f64 {
    angle + ((to - angle) / period).round() * period
}

impl Filter {
    /// Something that was seen once, with nothing known of its motion but
    /// that its speed has this deviation, m/s.
    pub(super) fn new(place: &Place, yaw: f64, yaw_deviation: f64, speed: f64) -> Self {
        let [x, y] = place.at;
        let mean = State::from([x, y, yaw, 0.0, 0.0, 0.0]);
        let mut covariance = Covariance::zeros();
        covariance
            .fixed_view_mut::<2, 2>(0, 0)
            .copy_from(&place.covariance);
        covariance[(2, 2)] = yaw_deviation * yaw_deviation;
        let mut standing = Gaussian { mean, covariance };
        still(&mut standing);
        covariance[(3, 3)] = speed * speed;
        covariance[(4, 4)] = speed * speed;
        covariance[(5, 5)] = START_TURN * START_TURN;
        Self {
            standing,
            moving: Gaussian { mean, covariance },
            moves: 0.4,
        }
    }

    /// Lets time pass.
    pub(super) fn predict(&mut self, dt: f64) {
        let [starts, stops] = [STARTS, STOPS].map(|rate| 1.0 - (-rate * dt).exp());
        let moves = self.moves * (1.0 - stops) + (1.0 - self.moves) * starts;
        let stands = 1.0 - moves;
        let from_standing = (1.0 - self.moves) * starts / moves;
        let from_moving = self.moves * stops / stands;
        let standing = Gaussian::mix([
            (&self.standing, 1.0 - from_moving),
            (&self.moving, from_moving),
        ]);
        let moving = Gaussian::mix([
            (&self.standing, from_standing),
            (&self.moving, 1.0 - from_standing),
        ]);
        *self = Self {
            standing,
            moving,
            moves,
        };
        still(&mut self.standing);
        for (k, wander) in [(0, WANDER_M), (1, WANDER_M), (2, WANDER_RAD)] {
            self.standing.covariance[(k, k)] += wander * wander * dt;
        }
        self.moving.go_on(dt);
    }

    /// Takes in where it was seen, how it was headed, up to a half turn, and
    /// whether it goes along its length alone. Gives the likelihood of the
    /// place.
    pub(super) fn update(&mut self, place: &Place, yaw: Option<(f64, f64)>, rolls: bool) -> f64 {
        let stands = self.standing.take_place(place);
        let moves = self.moving.take_place(place);
        let both = (1.0 - self.moves) * stands + self.moves * moves;
        self.moves = (self.moves * moves / both).clamp(1e-3, 1.0 - 1e-3);
        if let Some((yaw, deviation)) = yaw {
            self.standing.take_yaw(yaw, deviation);
            self.moving.take_yaw(yaw, deviation);
        }
        if rolls {
            self.moving.take_rolling();
        }
        both
    }

    /// Turns it by an angle: its length was taken for its width, or its front
    /// for its back.
    pub(super) fn turn(&mut self, by: f64) {
        self.standing.mean[2] += by;
        self.moving.mean[2] += by;
    }

    /// Sets the heading, whatever it was before, to one of this standard
    /// deviation, rad.
    pub(super) fn head(&mut self, yaw: f64, deviation: f64) {
        for model in [&mut self.standing, &mut self.moving] {
            model.mean[2] = yaw;
            model.covariance.row_mut(2).fill(0.0);
            model.covariance.column_mut(2).fill(0.0);
            model.covariance[(2, 2)] = deviation * deviation;
        }
    }

    /// Both models in one.
    pub(super) fn estimate(&self) -> Gaussian {
        Gaussian::mix([
            (&self.standing, 1.0 - self.moves),
            (&self.moving, self.moves),
        ])
    }

    /// How far a place is from where it should be, squared, in standard
    /// deviations.
    pub(super) fn distance(&self, place: &Place) -> f64 {
        let of = |model: &Gaussian| {
            let off = Vector2::from(place.at) - model.mean.fixed_rows::<2>(0);
            let s = model.covariance.fixed_view::<2, 2>(0, 0) + place.covariance;
            let inverse = s.try_inverse();
            inverse.map_or(f64::INFINITY, |inverse| {
                (off.transpose() * inverse * off)[0]
            })
        };
        of(&self.standing).min(of(&self.moving))
    }
}

/// Sets velocity and turn rate to what something has that stands, and may
/// begin to move.
fn still(model: &mut Gaussian) {
    for k in 3..6 {
        model.mean[k] = 0.0;
        for i in 0..6 {
            model.covariance[(i, k)] = 0.0;
            model.covariance[(k, i)] = 0.0;
        }
    }
    model.covariance[(3, 3)] = START_SPEED * START_SPEED;
    model.covariance[(4, 4)] = START_SPEED * START_SPEED;
    model.covariance[(5, 5)] = START_TURN * START_TURN;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(at: [f64; 2]) -> Place {
        Place {
            at,
            covariance: Matrix2::identity() * 0.05f64.powi(2),
        }
    }

    #[test]
    fn the_jacobian_is_the_derivative() {
        let mean = State::from([1.0, 2.0, 0.3, 4.0, -1.0, 0.5]);
        let moved = |mean: State| {
            let mut g = Gaussian {
                mean,
                covariance: Covariance::zeros(),
            };
            g.go_on(0.7);
            g
        };
        // A covariance of one entry shows one column of the Jacobian.
        for k in 0..6 {
            let mut g = Gaussian {
                mean,
                covariance: Covariance::zeros(),
            };
            g.covariance[(k, k)] = 1.0;
            g.go_on(0.7);
            let noise = moved(mean).covariance;
            let step = 1e-6;
            let mut aside = mean;
            aside[k] += step;
            let slope = (moved(aside).mean - moved(mean).mean) / step;
            let wanted = slope * slope.transpose() + noise;
            assert!((g.covariance - wanted).norm() < 1e-4, "column {k}");
        }
    }

    proptest! {
        #[test]
        fn a_steady_turn_is_followed(speed in 2.0..12.0f64, rate in -0.4..0.4f64) {
            let way = |t: f64| {
                let turned: f64 = rate * t;
                if rate.abs() < 1e-6 { [speed * t, 0.0] } else {
                    [speed * turned.sin() / rate, speed * (1.0 - turned.cos()) / rate]
                }
            };
            let mut filter = Filter::new(&place([0.0; 2]), 0.0, 0.1, 5.0);
            for i in 1..=30 {
                let t = f64::from(i) * 0.1;
                filter.predict(0.1);
                filter.update(&place(way(t)), Some((rate * t, 0.05)), true);
            }
            let found = filter.estimate();
            let end = way(3.0);
            prop_assert!((found.mean[0] - end[0]).hypot(found.mean[1] - end[1]) < 0.1);
            prop_assert!((found.mean[3].hypot(found.mean[4]) - speed).abs() < 0.25);
            prop_assert!((found.mean[5] - rate).abs() < 0.12);
            prop_assert!(filter.moves > 0.9);
        }
    }

    #[test]
    fn what_stands_is_known_to_stand_and_what_starts_to_move() {
        let mut filter = Filter::new(&place([0.0; 2]), 0.0, 0.1, 5.0);
        for i in 0..20 {
            let off = if i % 2 == 0 { 0.02 } else { -0.02 };
            filter.predict(0.1);
            filter.update(&place([off, -off]), None, false);
        }
        assert!(filter.moves < 0.2, "{}", filter.moves);
        for i in 1..=15 {
            let t = f64::from(i) * 0.1;
            filter.predict(0.1);
            filter.update(&place([t * t, 0.0]), None, false);
        }
        assert!(filter.moves > 0.8, "{}", filter.moves);
        let speed = filter.estimate().mean[3];
        assert!((speed - 3.0).abs() < 0.6, "{speed}");
    }

    #[test]
    fn a_heading_that_is_set_is_known_as_well_as_it_is_said() {
        let mut filter = Filter::new(&place([0.0; 2]), 0.1, 0.5, 1.0);
        for _ in 0..50 {
            filter.predict(0.1);
            filter.update(&place([0.0; 2]), None, true);
            filter.head(1.2, 0.2);
            let Gaussian { mean, covariance } = filter.estimate();
            assert!((mean[2] - 1.2).abs() < 1e-9);
            assert!((covariance[(2, 2)] - 0.04).abs() < 1e-9);
            let others = [0, 1, 3, 4, 5].map(|k| covariance[(2, k)].abs());
            assert!(others.iter().all(|c| *c < 1e-9), "{others:?}");
        }
    }

    #[test]
    fn a_heading_is_taken_up_to_a_half_turn() {
        let mut filter = Filter::new(&place([0.0; 2]), 0.1, 0.2, 1.0);
        filter.update(&place([0.0; 2]), Some((0.1 + PI, 0.05)), true);
        assert!((filter.estimate().mean[2] - 0.1).abs() < 1e-9);
        assert!((nearest_axis(3.0, 0.0, PI) - (3.0 - PI)).abs() < 1e-12);
    }
}
