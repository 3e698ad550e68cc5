//! Changes of speed under limits of acceleration and of jerk.
//!
//! A ramp leads from one speed to another with no acceleration at either end:
//! jerk, greatest acceleration, and as much jerk back (the double-S profile;
//! Biagiotti and Melchiorri, "Trajectory Planning for Automatic Machines and
//! Robots", 2008, section 3.4). It is the fastest such change, and the shortest.

use crate::vehicle::Vehicle;

/// A stretch of time in which the jerk stays the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Phase {
    /// m/s³.
    pub(crate) jerk: f64,
    /// s.
    pub(crate) time: f64,
}

/// Motion along a path at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Motion {
    /// Distance along the path, m.
    pub(crate) s: f64,
    /// m/s.
    pub(crate) v: f64,
    /// m/s².
    pub(crate) a: f64,
}

impl Motion {
    /// The motion after some time under a constant jerk.
    pub(crate) fn after(self, jerk: f64, t: f64) -> Self {
        Self {
            s: self.s + t * (self.v + t * (self.a / 2.0 + t * jerk / 6.0)),
            v: self.v + t * (self.a + t * jerk / 2.0),
            a: self.a + t * jerk,
        }
    }
}

/// Limits along a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drive {
    pub(crate) accel: f64,
    pub(crate) decel: f64,
    pub(crate) jerk: f64,
}

impl Drive {
    pub(crate) fn of(vehicle: &Vehicle) -> Self {
        Self {
            accel: vehicle.max_accel,
            decel: vehicle.max_decel,
            jerk: vehicle.max_jerk,
        }
    }

    /// The same backward in time.
    pub(crate) fn reversed(self) -> Self {
        Self {
            accel: self.decel,
            decel: self.accel,
            ..self
        }
    }

    /// The fastest way up from a speed to another.
    pub(crate) fn up(&self, from: f64, to: f64) -> Ramp {
        Ramp::new(from, to, self.accel, self.jerk)
    }

    /// The fastest way down to a speed from another, seen from its end.
    pub(crate) fn down(&self, to: f64, from: f64) -> Ramp {
        Ramp::new(to, from, self.decel, self.jerk)
    }
}

/// A change of speed, by its slow end. Backward in time it is the change from
/// the fast end to the slow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ramp {
    slow: f64,
    fast: f64,
    jerk: f64,
    /// How long the jerk lasts at either end, s.
    bent: f64,
    /// How long the acceleration is at its greatest, s.
    even: f64,
}

impl Ramp {
    fn new(slow: f64, fast: f64, accel: f64, jerk: f64) -> Self {
        let gain = (fast - slow).max(0.0);
        let (bent, even) = if gain * jerk >= accel * accel {
            (accel / jerk, gain / accel - accel / jerk)
        } else {
            ((gain / jerk).sqrt(), 0.0)
        };
        Self {
            slow,
            fast,
            jerk,
            bent,
            even,
        }
    }

    /// m.
    pub(crate) fn length(&self) -> f64 {
        (self.slow + self.fast) / 2.0 * (2.0 * self.bent + self.even)
    }

    /// Distance from the slow end at which it has some speed between its own, m.
    pub(crate) fn reaches(&self, speed: f64) -> f64 {
        let bend = self.jerk * self.bent * self.bent / 2.0;
        let start = Motion {
            v: self.slow,
            ..Motion::default()
        };
        if speed <= self.slow + bend {
            let t = (2.0 * (speed - self.slow).max(0.0) / self.jerk).sqrt();
            start.after(self.jerk, t).s
        } else if speed < self.fast - bend {
            let even = start.after(self.jerk, self.bent);
            even.after(0.0, (speed - even.v) / even.a).s
        } else {
            let t = (2.0 * (self.fast - speed).max(0.0) / self.jerk).sqrt();
            let left = Motion {
                v: self.fast,
                ..Motion::default()
            };
            self.length() - left.after(-self.jerk, t).s
        }
    }

    /// From the slow end to the fast.
    pub(crate) fn rising(&self) -> [Phase; 3] {
        self.phases(self.jerk)
    }

    /// From the fast end to the slow.
    pub(crate) fn falling(&self) -> [Phase; 3] {
        self.phases(-self.jerk)
    }

    fn phases(&self, jerk: f64) -> [Phase; 3] {
        let phase = |jerk, time| Phase { jerk, time };
        [
            phase(jerk, self.bent),
            phase(0.0, self.even),
            phase(-jerk, self.bent),
        ]
    }
}

/// Distances that differ by less are the same, m.
pub(crate) const SAME: f64 = 1e-9;

/// How much less than the greatest what [`greatest`] gives may be.
const CLOSE: f64 = 1e-12;

/// The greatest argument up to `most` for which a rising function is at most
/// `limit`, or a little less; `least` must be one.
pub(crate) fn greatest(least: f64, most: f64, limit: f64, function: impl Fn(f64) -> f64) -> f64 {
    let mut above = function(most) - limit;
    if above <= 0.0 {
        return most;
    }
    let (mut low, mut high) = (least, most);
    let mut below = (limit - function(least)).max(0.0);
    let close = CLOSE * most;
    // The rule of false position, with Illinois' halving of what stays, and at
    // least half of what is close enough off the bounds.
    let mut stayed = 0;
    while high - low > close {
        let guess = low + (high - low) * (below / (below + above));
        let x = guess.clamp(low + close / 2.0, high - close / 2.0);
        if x <= low || x >= high {
            break;
        }
        let over = function(x) - limit;
        if over <= 0.0 {
            (low, below) = (x, -over);
            stayed = stayed.max(0) + 1;
            if stayed > 1 {
                above /= 2.0;
            }
        } else {
            (high, above) = (x, over);
            stayed = stayed.min(0) - 1;
            if stayed < -1 {
                below /= 2.0;
            }
        }
    }
    low
}

/// Passing a place at some speed and acceleration, as a part of a ramp that leads
/// there from a slower speed without any, or back from there to one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pass {
    /// m/s.
    pub(crate) speed: f64,
    /// Greater than 0 on the way up, less on the way down, m/s².
    pub(crate) accel: f64,
}

impl Pass {
    /// The ramp's slow end, m/s; and how long it takes from there, s, and how far
    /// it is, m.
    fn slow_end(&self, jerk: f64) -> (f64, f64, f64) {
        let time = self.accel.abs() / jerk;
        let slow = self.speed - jerk * time * time / 2.0;
        let begun = Motion {
            v: slow,
            ..Motion::default()
        };
        (slow, time, begun.after(jerk, time).s)
    }

    /// The least speed up to which the motion goes on, m/s.
    fn least_peak(&self, jerk: f64) -> f64 {
        self.speed + self.accel * self.accel / (2.0 * jerk)
    }
}

/// The fastest motion over a distance: up to a peak, on at that speed, and down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hump {
    up: Ramp,
    down: Ramp,
    pub(crate) peak: f64,
    /// Distance at the peak, m.
    cruise: f64,
    /// What of the ramps lies before the beginning and beyond the end, m.
    beyond: [f64; 2],
    /// By what the first and the last phase of the way up, and of the way down, are
    /// shorter for it, s.
    cut: [f64; 4],
}

impl Hump {
    /// From a place that is passed level or on the way up to one that is passed
    /// level or on the way down; `None` if the distance does not do for that.
    pub(crate) fn new(
        drive: &Drive,
        from: Pass,
        to: Pass,
        distance: f64,
        most: f64,
    ) -> Option<Self> {
        let (slow, start_cut, before) = from.slow_end(drive.jerk);
        let (end, end_cut, after) = to.slow_end(drive.jerk);
        let ramps = |peak| (drive.up(slow, peak), drive.down(end, peak));
        let length = |peak| {
            let (up, down) = ramps(peak);
            up.length() - before + down.length() - after
        };
        let least = from.least_peak(drive.jerk).max(to.least_peak(drive.jerk));
        if length(least) > distance + SAME {
            return None;
        }
        let peak = greatest(least, most.max(least), distance, length);
        let (up, down) = ramps(peak);
        Some(Self {
            up,
            down,
            peak,
            cruise: (distance - length(peak)).max(0.0),
            beyond: [before, after],
            cut: [start_cut, 0.0, 0.0, end_cut],
        })
    }

    /// Up from a place that is passed level or on the way up to one that is passed
    /// with an acceleration, and how fast it is passed; `None` if there is no such
    /// way of this length.
    pub(crate) fn rise(
        drive: &Drive,
        from: Pass,
        accel: f64,
        distance: f64,
        most: f64,
    ) -> Option<(Self, f64)> {
        let jerk = drive.jerk;
        let (slow, start_cut, before) = from.slow_end(jerk);
        let end_cut = accel / jerk;
        let after = |peak: f64| {
            let end = Motion {
                v: peak,
                ..Motion::default()
            };
            end.after(-jerk, end_cut).s
        };
        let length = |peak| drive.up(slow, peak).length() - before - after(peak);
        let left = accel * accel / (2.0 * jerk);
        let least = slow + from.accel.max(accel).powi(2) / jerk;
        if length(least) > distance {
            return None;
        }
        let peak = greatest(least, most + left, distance, length);
        if (length(peak) - distance).abs() > SAME {
            return None;
        }
        let hump = Self {
            up: drive.up(slow, peak),
            down: drive.down(peak, peak),
            peak,
            cruise: 0.0,
            beyond: [before, after(peak)],
            cut: [start_cut, end_cut, 0.0, 0.0],
        };
        Some((hump, peak - left))
    }

    /// The same backward in time.
    pub(crate) fn reversed(mut self) -> Self {
        std::mem::swap(&mut self.up, &mut self.down);
        self.beyond.reverse();
        self.cut.reverse();
        self
    }

    /// Between which distances from the beginning and from the end it is faster
    /// than some speed, m.
    pub(crate) fn faster(&self, speed: f64) -> [f64; 2] {
        [
            self.up.reaches(speed) - self.beyond[0],
            self.down.reaches(speed) - self.beyond[1],
        ]
    }

    /// s.
    pub(crate) fn time(&self) -> f64 {
        self.phases().map(|phase| phase.time).sum()
    }

    /// In order of time.
    pub(crate) fn phases(&self) -> impl Iterator<Item = Phase> + use<> {
        let cruise = Phase {
            jerk: 0.0,
            time: if self.cruise > 0.0 {
                self.cruise / self.peak
            } else {
                0.0
            },
        };
        let mut rising = self.up.rising();
        rising[0].time -= self.cut[0];
        rising[2].time -= self.cut[1];
        let mut falling = self.down.falling();
        falling[0].time -= self.cut[2];
        falling[2].time -= self.cut[3];
        let phases = rising.into_iter().chain([cruise]).chain(falling);
        phases.map(|phase| Phase {
            time: phase.time.max(0.0),
            ..phase
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drive() -> impl Strategy<Value = Drive> {
        (0.1..5.0f64, 0.1..5.0f64, 0.1..20.0f64).prop_map(|(accel, decel, jerk)| Drive {
            accel,
            decel,
            jerk,
        })
    }

    #[test]
    fn a_ramp_that_reaches_its_acceleration_is_a_trapezoid_of_it() {
        let drive = Drive {
            accel: 0.8,
            decel: 1.2,
            jerk: 1.0,
        };
        let times = drive.up(0.0, 4.0).rising().map(|phase| phase.time);
        for (time, expected) in times.into_iter().zip([0.8, 4.2, 0.8]) {
            assert!((time - expected).abs() < 1e-12);
        }
        assert!((drive.up(0.0, 4.0).length() - 11.6).abs() < 1e-12);
        // 0.25 m/s up by a triangle: half a second either way.
        assert_eq!(drive.up(1.0, 1.25).rising()[1].time, 0.0);
        assert!((drive.up(1.0, 1.25).length() - 1.125).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn humps_keep_their_limits_and_end_where_they_should(
            drive in drive(),
            from in 0.0..3.0f64,
            to in 0.0..3.0f64,
            over in 0.01..30.0f64,
            most in 0.5..5.0f64,
        ) {
            let distance = over + drive.up(from, from.max(to)).length() + drive.down(to, from.max(to)).length();
            let pass = |speed| Pass { speed, accel: 0.0 };
            let hump = Hump::new(&drive, pass(from), pass(to), distance, most).expect("a hump");
            let mut at = Motion { v: from, ..Motion::default() };
            for phase in hump.phases() {
                prop_assert!(phase.time >= 0.0 && phase.jerk.abs() <= drive.jerk);
                at = at.after(phase.jerk, phase.time);
                prop_assert!(at.a <= drive.accel + 1e-9 && at.a >= -drive.decel - 1e-9);
                prop_assert!(at.v >= -1e-9 && at.v <= most.max(from).max(to) + 1e-9);
            }
            prop_assert!((at.s - distance).abs() < 1e-9 * distance.max(1.0), "{} {distance}", at.s);
            prop_assert!((at.v - to).abs() < 1e-9 && at.a.abs() < 1e-9);
        }

        #[test]
        fn a_rise_ends_with_its_acceleration_and_a_hump_goes_on_from_there(
            drive in drive(),
            from in 0.0..3.0f64,
            share in 0.0..1.0f64,
            (there, on) in (0.01..10.0f64, 0.01..30.0f64),
        ) {
            let most = 6.0;
            let start = Pass { speed: from, accel: 0.0 };
            let rise = Hump::rise(&drive, start, share * drive.accel, there, most);
            prop_assume!(rise.is_some());
            let (rise, speed) = rise.expect("a rise");
            let passed = Pass { speed, accel: share * drive.accel };
            let mut at = Motion { v: from, ..Motion::default() };
            for phase in rise.phases() {
                prop_assert!(phase.jerk.abs() <= drive.jerk);
                at = at.after(phase.jerk, phase.time);
                prop_assert!(at.a <= drive.accel + 1e-9 && at.a >= -1e-9);
            }
            prop_assert!((at.s - there).abs() < 1e-8, "{} {there}", at.s);
            prop_assert!((at.v - speed).abs() < 1e-8 && (at.a - passed.accel).abs() < 1e-8);
            let to = Pass { speed: 0.5, accel: 0.0 };
            if let Some(hump) = Hump::new(&drive, passed, to, on, most) {
                for phase in hump.phases() {
                    at = at.after(phase.jerk, phase.time);
                    prop_assert!(at.a <= drive.accel + 1e-8 && at.a >= -drive.decel - 1e-8);
                }
                prop_assert!((at.s - there - on).abs() < 1e-7, "{} {there} {on}", at.s);
                prop_assert!((at.v - 0.5).abs() < 1e-7 && at.a.abs() < 1e-7);
            }
        }

        #[test]
        fn a_speed_is_reached_where_the_motion_says(drive in drive(), from in 0.0..3.0f64, gain in 0.0..3.0f64, share in 0.0..1.0f64) {
            let ramp = drive.up(from, from + gain);
            let whole: f64 = ramp.rising().iter().map(|phase| phase.time).sum();
            let (mut left, mut at) = (whole * share, Motion { v: from, ..Motion::default() });
            for phase in ramp.rising() {
                at = at.after(phase.jerk, phase.time.min(left));
                left -= phase.time.min(left);
            }
            prop_assert!((ramp.reaches(at.v) - at.s).abs() < 1e-4, "{} {}", ramp.reaches(at.v), at.s);
        }
    }
}
