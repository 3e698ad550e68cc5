//! The vehicle: a rectangle with an axle at each end.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Invalid;

/// An end of the vehicle. There is no front: which end leads is a property of
/// a stretch of motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum End {
    /// The end at +x.
    A,
    /// The end at −x.
    B,
}

impl End {
    /// The other end.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// The sign of motion along the vehicle's +x when this end leads.
    pub fn sign(self) -> f64 {
        match self {
            Self::A => 1.0,
            Self::B => -1.0,
        }
    }
}

/// By which share limits that agree exactly may seem to contradict each other.
const ROUNDING: f64 = 1e-9;

/// Shape and limits of a vehicle; SI units, radians.
///
/// `base_link` is the point that moves along the vehicle's axis when it turns:
/// the middle between two steered axles, or a fixed axle. A conventional car
/// is a vehicle with `max_steer_b = 0` whose `axles_x` is half its wheelbase
/// (so that `base_link` lies on axle B) and whose `centre_x` says where its
/// body lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vehicle {
    /// What it is called.
    pub name: String,
    /// Length of the body.
    pub length: f64,
    /// Width of the body.
    pub width: f64,
    /// Height of the body.
    pub height: f64,
    /// Distance between the axles.
    pub wheelbase: f64,
    /// x of the middle between the axles in `base_link`.
    #[serde(default)]
    pub axles_x: f64,
    /// x of the body's centre in `base_link`.
    #[serde(default)]
    pub centre_x: f64,
    /// Greatest steering angle of the axle at end A.
    pub max_steer_a: f64,
    /// Greatest steering angle of the axle at end B; 0 for a fixed axle.
    pub max_steer_b: f64,
    /// Greatest rate of the steering angle at end A, rad/s.
    pub max_steer_rate_a: f64,
    /// Greatest rate of the steering angle at end B, rad/s.
    pub max_steer_rate_b: f64,
    /// Whether it may move at an angle to its axis without turning.
    pub crab: bool,
    /// Greatest change of the curvature per metre moved, 1/m².
    pub max_curvature_rate: f64,
    /// Least speed that the drive can hold; slower only to start and to stop.
    pub min_speed: f64,
    /// Greatest speed, either end leading.
    pub max_speed: f64,
    /// Greatest acceleration along the path.
    pub max_accel: f64,
    /// Greatest deceleration along the path, positive.
    pub max_decel: f64,
    /// Greatest change of the acceleration along the path, m/s³.
    pub max_jerk: f64,
    /// Greatest acceleration across the path.
    pub max_lateral_accel: f64,
    /// Time at standstill when the leading end changes.
    pub dwell: f64,
}

/// Why a vehicle file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VehicleError {
    /// The file cannot be read.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file is not the TOML of a vehicle.
    #[error("{}: line {line}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A figure is out of range.
    #[error("{}: {cause}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The field and what it should have held.
        cause: Invalid,
    },
}

impl Vehicle {
    /// The shuttle that ships with the program: 3.6 m by 1.8 m, both axles
    /// steered.
    ///
    /// # Panics
    /// Never: the file is part of the program, and a test reads it.
    pub fn shuttle() -> Self {
        toml::from_str(include_str!("../../tools/configs/vehicles/shuttle.toml"))
            .expect("the built-in vehicle is a vehicle")
    }

    /// Reads and validates a vehicle file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, VehicleError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|cause| VehicleError::Io {
            path: path.to_owned(),
            cause,
        })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, VehicleError> {
        let vehicle: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            VehicleError::Malformed {
                path: path.to_owned(),
                line: before.map_or(1, |t| t.matches('\n').count() + 1),
                message: error.message().replace('\n', " "),
            }
        })?;
        match vehicle.validate() {
            Ok(()) => Ok(vehicle),
            Err(cause) => Err(VehicleError::Invalid {
                path: path.to_owned(),
                cause,
            }),
        }
    }

    /// Whether every figure is in range and they describe a vehicle that can
    /// steer.
    pub fn validate(&self) -> Result<(), Invalid> {
        let half = self.length / 2.0;
        Invalid::unless(
            "length",
            self.length,
            0.5..=30.0,
            "metres between 0.5 and 30",
        )?;
        Invalid::unless("width", self.width, 0.3..=5.0, "metres between 0.3 and 5")?;
        Invalid::unless("height", self.height, 0.1..=6.0, "metres between 0.1 and 6")?;
        Invalid::unless(
            "wheelbase",
            self.wheelbase,
            0.2..=self.length,
            "metres between 0.2 and the length",
        )?;
        Invalid::unless(
            "axles_x",
            self.axles_x,
            -half..=half,
            "metres, at most half the length either way",
        )?;
        Invalid::unless(
            "centre_x",
            self.centre_x,
            -half + 0.1..=half - 0.1,
            "metres that leave base_link inside the body",
        )?;
        for (field, angle) in [
            ("max_steer_a", self.max_steer_a),
            ("max_steer_b", self.max_steer_b),
        ] {
            Invalid::unless(field, angle, 0.0..=1.3, "radians between 0 and 1.3")?;
        }
        for (field, rate, angle) in [
            ("max_steer_rate_a", self.max_steer_rate_a, self.max_steer_a),
            ("max_steer_rate_b", self.max_steer_rate_b, self.max_steer_b),
        ] {
            let least = if angle > 0.0 { 0.01 } else { 0.0 };
            Invalid::unless(
                field,
                rate,
                least..=10.0,
                "rad/s between 0.01 (0 for a fixed axle) and 10",
            )?;
        }
        Invalid::unless(
            "max_speed",
            self.max_speed,
            0.1..=60.0,
            "m/s between 0.1 and 60",
        )?;
        for (field, limit) in [
            ("max_accel", self.max_accel),
            ("max_decel", self.max_decel),
            ("max_lateral_accel", self.max_lateral_accel),
        ] {
            Invalid::unless(field, limit, 0.05..=20.0, "m/s² between 0.05 and 20")?;
        }
        Invalid::unless(
            "max_jerk",
            self.max_jerk,
            0.05..=1000.0,
            "m/s³ between 0.05 and 1000",
        )?;
        Invalid::unless(
            "max_curvature_rate",
            self.max_curvature_rate,
            0.01..=100.0,
            "1/m² between 0.01 and 100",
        )?;
        Invalid::unless(
            "min_speed",
            self.min_speed,
            0.01..=self.max_speed,
            "m/s between 0.01 and max_speed",
        )?;
        Invalid::unless(
            "dwell",
            self.dwell,
            0.0..=600.0,
            "seconds between 0 and 600",
        )?;
        if self.max_curvature() < 0.01 {
            return Err(Invalid {
                field: "max_steer_b",
                expected: "steering at both axles, or axles_x that puts base_link on the \
                           fixed axle, so that a radius of 100 m or less can be driven"
                    .into(),
            });
        }
        if self.crab && self.max_crab() <= 0.0 {
            return Err(Invalid {
                field: "crab",
                expected: "false where max_steer_a or max_steer_b is 0, which fixes an axle".into(),
            });
        }
        self.agrees()
    }

    /// Whether the limits leave something that keeps to all of them.
    fn agrees(&self) -> Result<(), Invalid> {
        let rates = [
            ("max_steer_rate_a", self.max_steer_rate_a),
            ("max_steer_rate_b", self.max_steer_rate_b),
        ];
        for ((field, rate), x) in rates.into_iter().zip(self.axles()) {
            // An axle steers by x metres times the change of the curvature
            // where the wheels are straight, and by less where they are not.
            let least = x.abs() * self.max_curvature_rate * self.min_speed;
            if rate < least * (1.0 - ROUNDING) {
                return Err(Invalid {
                    field,
                    expected: format!(
                        "at least {least:.3} rad/s, so that max_curvature_rate can be steered \
                         at min_speed, found {rate}"
                    ),
                });
            }
        }
        let across = self.min_speed.powi(2) * self.max_curvature();
        if self.max_lateral_accel < across * (1.0 - ROUNDING) {
            return Err(Invalid {
                field: "max_lateral_accel",
                expected: format!(
                    "at least {across:.3} m/s², that of the least radius at min_speed, found {}",
                    self.max_lateral_accel
                ),
            });
        }
        Ok(())
    }

    /// Whether turning the vehicle by π and swapping its ends gives the same
    /// vehicle.
    pub fn is_symmetric(&self) -> bool {
        self.axles_x == 0.0
            && self.centre_x == 0.0
            && self.max_steer_a == self.max_steer_b
            && self.max_steer_rate_a == self.max_steer_rate_b
    }

    /// x of the axles at ends A and B in `base_link`, m.
    pub fn axles(&self) -> [f64; 2] {
        let half = self.wheelbase / 2.0;
        [self.axles_x + half, self.axles_x - half]
    }

    /// The greatest curvature at `base_link` without crab, 1/m; for the
    /// symmetric vehicle 2·tan(δ)/L.
    pub fn max_curvature(&self) -> f64 {
        let [a, b] = self.axles();
        let limit = |x: f64, steer: f64| {
            if x.abs() < 1e-9 {
                f64::INFINITY
            } else {
                steer.tan() / x.abs()
            }
        };
        limit(a, self.max_steer_a).min(limit(b, self.max_steer_b))
    }

    /// The greatest angle between motion and axis, rad; 0 without crab.
    pub fn max_crab(&self) -> f64 {
        if self.crab {
            self.max_steer_a.min(self.max_steer_b)
        } else {
            0.0
        }
    }

    /// Steering angles at ends A and B for which `base_link` moves at the angle
    /// `slip` to the axis while the vehicle turns by `kappa` radians per metre
    /// moved, the end `lead` leading: the wheels of each axle roll along the
    /// velocity of its middle.
    pub fn steer(&self, kappa: f64, slip: f64, lead: End) -> [f64; 2] {
        let turn = lead.sign() * kappa / slip.cos();
        self.axles().map(|x| (slip.tan() + turn * x).atan())
    }

    /// The inverse of [`Vehicle::steer`]: `[kappa, slip]`.
    pub fn motion(&self, steer: [f64; 2], lead: End) -> [f64; 2] {
        let [tan_a, tan_b] = steer.map(f64::tan);
        let turn = (tan_a - tan_b) / self.wheelbase;
        let slip = (tan_a - turn * self.axles()[0]).atan();
        [lead.sign() * turn * slip.cos(), slip]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn car() -> Vehicle {
        crate::Case::car()
    }

    #[test]
    fn the_shuttle_is_symmetric_and_the_car_is_not() {
        let shuttle = Vehicle::shuttle();
        shuttle.validate().expect("valid");
        assert!(shuttle.is_symmetric());
        assert!((shuttle.max_curvature() - 2.0 * 0.45f64.tan() / 2.4).abs() < 1e-12);
        assert_eq!(shuttle.steer(0.0, 0.3, End::B), [0.3f64.tan().atan(); 2]);
        let car = car();
        car.validate().expect("valid");
        assert!(!car.is_symmetric());
        assert!((car.max_curvature() - 0.75f64.tan() / 2.8).abs() < 1e-12);
        assert_eq!(car.steer(0.2, 0.0, End::A)[1], 0.0);
    }

    #[test]
    fn a_fault_names_the_field() {
        let wide = Vehicle {
            width: f64::NAN,
            ..Vehicle::shuttle()
        };
        let said = wide.validate().expect_err("NaN").to_string();
        assert_eq!(said, "width: expected metres between 0.3 and 5, found NaN");
        let stiff = Vehicle {
            max_steer_b: 0.0,
            ..Vehicle::shuttle()
        };
        assert_eq!(stiff.validate().expect_err("stiff").field, "max_steer_b");
        let crab = Vehicle {
            crab: true,
            ..car()
        };
        assert_eq!(crab.validate().expect_err("crab").field, "crab");
    }

    #[test]
    fn limits_that_contradict_each_other_are_told_by_their_names() {
        let says = |change: fn(&mut Vehicle)| {
            let mut vehicle = Vehicle::shuttle();
            change(&mut vehicle);
            vehicle.validate().expect_err("a contradiction").to_string()
        };
        assert_eq!(
            says(|v| v.max_steer_rate_a = 0.5),
            "max_steer_rate_a: expected at least 0.600 rad/s, so that max_curvature_rate can \
             be steered at min_speed, found 0.5"
        );
        assert_eq!(
            says(|v| (v.min_speed, v.max_curvature_rate, v.max_lateral_accel) = (2.0, 0.1, 1.0)),
            "max_lateral_accel: expected at least 1.610 m/s², that of the least radius at \
             min_speed, found 1"
        );
        assert_eq!(
            says(|v| v.min_speed = 5.0),
            "min_speed: expected m/s between 0.01 and max_speed, found 5"
        );
        assert!(says(|v| v.max_jerk = f64::NAN).starts_with("max_jerk: expected m/s³"));
        assert!(says(|v| v.max_curvature_rate = 0.0).starts_with("max_curvature_rate: "));
        // At the very bounds they agree.
        let exact = Vehicle {
            max_steer_rate_a: 0.6,
            max_steer_rate_b: 0.6,
            ..Vehicle::shuttle()
        };
        assert_eq!(exact.validate(), Ok(()));
    }

    #[test]
    fn a_file_that_is_no_vehicle_is_told_in_one_sentence() {
        let good = include_str!("../../tools/configs/vehicles/shuttle.toml");
        let says = |text: &str| {
            let error = Vehicle::parse(text, Path::new("my.toml")).expect_err("no vehicle");
            error.to_string()
        };
        let wide = says(&good.replace("width = 1.8", "width = 18"));
        assert_eq!(
            wide,
            "my.toml: width: expected metres between 0.3 and 5, found 18"
        );
        let front = says(&format!("{good}\nfront_overhang = 0.5\n"));
        assert!(
            front.starts_with("my.toml: line ") && front.contains("unknown field `front_overhang`"),
            "{front}"
        );
        let bare = says("name = 3");
        assert!(bare.starts_with("my.toml: line 1: invalid type"), "{bare}");
        assert!(!bare.contains('\n'));
        let none = Vehicle::load("no/such/vehicle.toml")
            .expect_err("no file")
            .to_string();
        assert!(none.starts_with("no/such/vehicle.toml: "), "{none}");
    }

    proptest! {
        #[test]
        fn steering_and_motion_are_inverse(kappa in -0.3..0.3f64, slip in -0.4..0.4f64, b in any::<bool>()) {
            let lead = if b { End::B } else { End::A };
            for vehicle in [Vehicle::shuttle(), car()] {
                let [k, s] = vehicle.motion(vehicle.steer(kappa, slip, lead), lead);
                prop_assert!((k - kappa).abs() < 1e-12 && (s - slip).abs() < 1e-12);
            }
        }
    }
}
