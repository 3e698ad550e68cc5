//! The packets of the OXTS RT3003 navigation system, and poses from them.

use std::path::Path;

use nalgebra::{Translation3, UnitQuaternion, Vector3};

use super::calibration;
use crate::error::{Error, Result};
use crate::file;
use crate::geodesy::Mercator;
use crate::geometry::Pose;

/// A packet has some 500 bytes.
const PACKET_LIMIT: u64 = 16 << 10;
/// Numbers in a packet.
const FIELDS: usize = 30;

/// Where the navigation system says that it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Packet {
    /// Degrees.
    lat: f64,
    /// Degrees.
    lon: f64,
    /// Metres.
    alt: f64,
    /// Roll, pitch and yaw; yaw is zero in the east and grows to the north.
    rpy: [f64; 3],
}

impl Packet {
    /// Reads a packet's file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = file::read_text(path, PACKET_LIMIT)?;
        Self::parse(&text).map_err(|(field, expected)| Error::Malformed {
            path: path.into(),
            field: field.into(),
            expected,
        })
    }

    /// The packet in a line of text, or the wrong field and what it should
    /// have been.
    pub(super) fn parse(text: &str) -> Result<Self, (&'static str, String)> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() != FIELDS {
            let expected = format!("{FIELDS} numbers, found {}", words.len());
            return Err(("packet", expected));
        }
        let number = |at: usize, field, limit: f64, unit| {
            let value: Option<f64> = words[at].parse().ok();
            value
                .filter(|value| value.abs() <= limit)
                .ok_or_else(|| (field, format!("a number from -{limit} to {limit} {unit}")))
        };
        Ok(Self {
            lat: number(0, "lat", Mercator::MAX_LATITUDE, "degrees")?,
            lon: number(1, "lon", 180.0, "degrees")?,
            alt: number(2, "alt", 20_000.0, "m")?,
            rpy: [
                number(3, "roll", 6.3, "rad")?,
                number(4, "pitch", 6.3, "rad")?,
                number(5, "yaw", 6.3, "rad")?,
            ],
        })
    }
}

/// The way from packets to poses: the Mercator projection of the KITTI
/// development kit, with x east, y north and z up.
#[derive(Debug)]
pub(super) struct Odometry {
    projection: Mercator,
    /// Where odom's origin lies in the projection, m.
    origin: Vector3<f64>,
}

impl Odometry {
    /// The projection that is true to scale at `first`, with odom's origin at
    /// the vehicle's place then.
    pub(super) fn from(first: &Packet) -> Self {
        let mut odometry = Self {
            projection: Mercator::true_at(first.lat),
            origin: Vector3::zeros(),
        };
        odometry.origin = odometry.pose(first).translation.vector;
        odometry
    }

    /// `odom_from_base` at a packet.
    pub(super) fn pose(&self, packet: &Packet) -> Pose {
        let place = self.projection.place(packet.lat, packet.lon, packet.alt);
        let [roll, pitch, yaw] = packet.rpy;
        let odom_from_imu = Pose::from_parts(
            Translation3::from(place - self.origin),
            UnitQuaternion::from_euler_angles(roll, pitch, yaw),
        );
        odom_from_imu * calibration::base_from_imu().inverse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(lat: f64, lon: f64, yaw: f64) -> Packet {
        Packet {
            lat,
            lon,
            alt: 100.0,
            rpy: [0.0, 0.0, yaw],
        }
    }

    fn line(fields: [f64; 6]) -> String {
        let rest = [0.5; FIELDS - 6];
        let words = fields.iter().chain(&rest).map(f64::to_string);
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_packet_that_is_wrong_names_its_field() {
        let right = [49.0, 8.4, 114.0, 0.01, -0.02, 1.8];
        let parsed = Packet::parse(&line(right)).expect("is right");
        assert_eq!((parsed.lon, parsed.rpy), (8.4, [0.01, -0.02, 1.8]));
        for (at, name) in ["lat", "lon", "alt", "roll", "pitch", "yaw"]
            .iter()
            .enumerate()
        {
            for wrong in [f64::NAN, f64::INFINITY, -1e9] {
                let mut fields = right;
                fields[at] = wrong;
                let (field, _) = Packet::parse(&line(fields)).expect_err("is wrong");
                assert_eq!(field, *name);
            }
        }
        for text in ["", "1 2 3", &(line(right) + " 1")] {
            let (field, expected) = Packet::parse(text).expect_err("is wrong");
            assert_eq!(field, "packet");
            assert!(expected.starts_with("30 numbers, found "), "{expected}");
        }
    }

    #[test]
    fn the_vehicle_starts_at_the_origin_and_turns_about_its_centre() {
        let first = packet(49.0, 8.4, 0.7);
        let odometry = Odometry::from(&first);
        let pose = odometry.pose(&first);
        assert!(pose.translation.vector.norm() < 1e-6);
        assert!((pose.rotation.euler_angles().2 - 0.7).abs() < 1e-12);
        // The unit sits behind the centre: heading north with the unit at the
        // same place, the centre lies farther north than heading east.
        let [east, north] = [0.0, std::f64::consts::FRAC_PI_2]
            .map(|yaw| odometry.pose(&packet(49.0, 8.4, yaw)).translation.vector);
        assert!(north.y > east.y + 1.0 && east.x > north.x + 1.0);
    }

    proptest! {
        #[test]
        fn any_text_is_a_packet_or_an_error(text in "\\PC{0,200}") {
            let _ = Packet::parse(&text);
        }

        /// Against the great circle, by the haversine formula.
        #[test]
        fn distances_are_true_near_the_start(
            lat in -60.0..60.0f64, lon in -179.0..179.0f64,
            d_lat in -5e-3..5e-3f64, d_lon in -5e-3..5e-3f64,
        ) {
            let first = packet(lat, lon, 0.0);
            let odometry = Odometry::from(&first);
            let pose = odometry.pose(&packet(lat + d_lat, lon + d_lon, 0.0));
            let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
            let h = half(d_lat)
                + lat.to_radians().cos() * (lat + d_lat).to_radians().cos() * half(d_lon);
            let expected = 2.0 * Mercator::EARTH * h.sqrt().asin();
            let distance = pose.translation.vector.norm();
            prop_assert!((distance - expected).abs() <= 5e-4 * expected + 1e-6);
            prop_assert!(pose.translation.x * d_lon >= 0.0 && pose.translation.y * d_lat >= 0.0);
        }
    }
}
