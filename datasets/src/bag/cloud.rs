//! Point clouds, whatever the layout of their points.

use bytes::Bytes;

use super::fault::{Decoded, Fault};
use super::message::Header;
use super::number::Number;
use crate::geometry::{Point, Pose};

/// The most points that are read of one sweep. The densest lidars give half a
/// million.
const MOST: usize = 2 << 20;
/// No revolution takes longer, ns. Times that span more are no times of one.
const LONGEST_NS: f64 = 1e9;

/// A point cloud as a message holds it.
#[derive(Clone, Debug)]
pub(super) struct Cloud {
    pub(super) header: Header,
    pub(super) fields: Vec<Field>,
    pub(super) big_endian: bool,
    /// Points in a row.
    pub(super) width: usize,
    pub(super) height: usize,
    /// From one point to the next, bytes.
    pub(super) step: usize,
    /// From one row to the next, bytes.
    pub(super) row: usize,
    pub(super) data: Bytes,
    /// Where the points' origin lies in the frame of the header.
    pub(super) origin: Pose,
}

/// A field of each point.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// From the point's first byte.
    pub(super) offset: usize,
    pub(super) number: Number,
}

/// The points of a cloud, and when the first of them was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    /// Nanoseconds since the Unix epoch.
    pub(super) stamp: i64,
    pub(super) points: Vec<Point>,
}

impl Cloud {
    /// Checks that the layout is one of points, and that they are there.
    pub(super) fn check(&self) -> Decoded<()> {
        let count = self.width.saturating_mul(self.height);
        if count > MOST {
            return Err(Fault::new(
                "width, height",
                format!("at most {MOST} points"),
            ));
        }
        let [x, y, z] = ["x", "y", "z"].map(|name| self.field(&[name]));
        if [x, y, z].iter().any(Option::is_none) {
            return Err(Fault::new("fields", "x, y and z"));
        }
        let read = [
            x,
            y,
            z,
            self.intensity(),
            self.time().map(|(field, _)| field),
        ];
        let mut size = 0;
        for field in read.into_iter().flatten() {
            let bytes = field.number.size();
            size += bytes;
            if field
                .offset
                .checked_add(bytes)
                .is_none_or(|end| end > self.step)
            {
                let field = format!("offset of {}", field.name);
                let expected = format!("a place within the {} bytes of a point", self.step);
                return Err(Fault::new(field, expected));
            }
        }
        if self.step < size {
            let expected = format!("{size} bytes or more, as the fields that are read have");
            return Err(Fault::new("point_step", expected));
        }
        let width = self.width.saturating_mul(self.step);
        if self.height > 1 && self.row < width {
            return Err(Fault::new("row_step", format!("{width} bytes or more")));
        }
        let before = self.row.saturating_mul(self.height.saturating_sub(1));
        let needed = match count {
            0 => 0,
            _ => before.saturating_add(width),
        };
        if self.data.len() < needed {
            let found = self.data.len();
            let expected = format!("{needed} bytes for its points, found {found}");
            return Err(Fault::new("data", expected));
        }
        Ok(())
    }

    fn field(&self, names: &[&str]) -> Option<&Field> {
        let named = |name: &&str| self.fields.iter().find(|field| field.name == *name);
        names.iter().find_map(named)
    }

    fn intensity(&self) -> Option<&Field> {
        self.field(&[
            "intensity",
            "intensities",
            "reflectivity",
            "reflectance",
            "i",
        ])
    }

    /// The field of a point's time, and its unit in ns: whole numbers count
    /// nanoseconds, floats seconds; a 64-bit float beyond 10¹⁴ can only be
    /// nanoseconds since the epoch.
    fn time(&self) -> Option<(&Field, f64)> {
        let field = self.field(&[
            "t",
            "time",
            "timestamp",
            "offset_time",
            "time_offset",
            "time_stamp",
        ])?;
        let first = self.data.get(field.offset..).unwrap_or_default();
        let first = field.number.real(first, self.big_endian);
        let nanoseconds = !field.number.is_float() || first.abs() > 1e14;
        Some((field, if nanoseconds { 1.0 } else { 1e9 }))
    }

    /// The bytes of each point.
    fn points(&self) -> impl Iterator<Item = &[u8]> {
        let rows = (0..self.height).filter_map(move |row| self.data.get(row * self.row..));
        rows.flat_map(move |row| row.chunks_exact(self.step).take(self.width))
    }

    /// The intensity that is full scale: no field says. A byte ends at 255;
    /// of other numbers the greatest tells whether they are fractions, end at
    /// 255 or, as raw signals do, at 65,535.
    pub(super) fn full_scale(&self) -> f64 {
        let Some(field) = self.intensity() else {
            return 1.0;
        };
        let values = self.points().map(|point| self.real(point, field));
        let greatest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        match field.number {
            Number::U8 | Number::I8 => 255.0,
            number if number.is_float() && greatest <= 1.0 => 1.0,
            _ if greatest <= 255.0 => 255.0,
            _ => 65_535.0,
        }
    }

    /// The points, in the order of the message.
    ///
    /// Their times are told from the header's stamp, or by a clock of the
    /// lidar's own, which shows in times that lie a second or more from the
    /// stamp and are counted from the earliest instead. Some drivers stamp a
    /// sweep at its end; the sweep's own stamp is that of its first point.
    pub(super) fn measured(&self, full_scale: f64) -> Measured {
        let stamp = self.header.stamp;
        let time = self.time();
        let after = |point: &[u8]| match time {
            Some((field, unit)) => {
                let time = self.real(point, field) * unit;
                // Floats of this size tell a quarter of a microsecond.
                if time.abs() > 1e14 {
                    time - stamp as f64
                } else {
                    time
                }
            }
            None => 0.0,
        };
        let mut first = f64::INFINITY;
        let mut last = f64::NEG_INFINITY;
        for time in self.points().map(after).filter(|time| time.is_finite()) {
            first = first.min(time);
            last = last.max(time);
        }
        let timed = last - first <= LONGEST_NS;
        let own_clock = first.abs() >= LONGEST_NS;
        let origin = match timed {
            true if own_clock => first,
            true => first.min(0.0),
            false => 0.0,
        };
        let intensity = self.intensity();
        let xyz = ["x", "y", "z"].map(|name| self.field(&[name]));
        let still = self.origin == Pose::identity();
        let point = |bytes: &[u8]| {
            let mut place = xyz.map(|field| field.map_or(f64::NAN, |f| self.real(bytes, f)));
            if !still {
                place = (self.origin * nalgebra::Point3::from(place)).into();
            }
            let intensity = intensity.map_or(0.0, |field| self.real(bytes, field) / full_scale);
            let after_ns = if timed { after(bytes) - origin } else { 0.0 };
            Point::from_metres(place, intensity, after_ns as i64)
        };
        Measured {
            stamp: if own_clock {
                stamp
            } else {
                stamp.saturating_add(origin as i64)
            },
            points: self.points().map(point).collect(),
        }
    }

    fn real(&self, point: &[u8], field: &Field) -> f64 {
        let bytes = point.get(field.offset..).unwrap_or_default();
        field.number.real(bytes, self.big_endian)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A cloud of one row, with x, y and z as floats in front.
    fn cloud(extra: &[(&str, Number)], points: &[Vec<u8>]) -> Cloud {
        let mut fields: Vec<Field> = Vec::new();
        let xyz = [("x", Number::F32), ("y", Number::F32), ("z", Number::F32)];
        let mut offset = 0;
        for &(name, number) in xyz.iter().chain(extra) {
            fields.push(Field {
                name: name.into(),
                offset,
                number,
            });
            offset += number.size();
        }
        let place: Vec<u8> = [1.0f32, -2.0, 0.5]
            .iter()
            .flat_map(|c| c.to_le_bytes())
            .collect();
        let data: Vec<u8> = points
            .iter()
            .flat_map(|p| [place.as_slice(), p].concat())
            .collect();
        Cloud {
            header: Header {
                stamp: 1_700_000_000_000_000_000,
                frame: "lidar".into(),
            },
            fields,
            big_endian: false,
            width: points.len(),
            height: 1,
            step: offset,
            row: offset * points.len(),
            data: data.into(),
            origin: Pose::identity(),
        }
    }

    #[test]
    fn times_count_from_the_first_point_whatever_their_form() {
        let stamp = 1_700_000_000_000_000_000i64;
        let bytes = |times: [f64; 3], number| -> Vec<Vec<u8>> {
            let one = |time: f64| match number {
                Number::U32 => (time as u32).to_le_bytes().to_vec(),
                Number::F32 => (time as f32).to_le_bytes().to_vec(),
                _ => time.to_le_bytes().to_vec(),
            };
            times.map(one).to_vec()
        };
        let seconds = stamp as f64 * 1e-9;
        for (name, number, times, from) in [
            ("t", Number::U32, [0.0, 2e7, 1e8], 0),
            ("offset_time", Number::U32, [1e8, 0.0, 2e7], 0),
            ("time", Number::F32, [0.0, 0.02, 0.1], 0),
            // Stamped at the end of the sweep.
            ("time", Number::F32, [-0.1, -0.08, 0.0], -100_000_000),
            (
                "timestamp",
                Number::F64,
                [seconds, seconds + 0.02, seconds + 0.1],
                0,
            ),
            (
                "timestamp",
                Number::F64,
                [seconds - 0.1, seconds - 0.08, seconds],
                -100_000_000,
            ),
            (
                "timestamp",
                Number::F64,
                [stamp as f64, stamp as f64 + 2e7, stamp as f64 + 1e8],
                0,
            ),
            // Since the lidar was switched on.
            ("timestamp", Number::F64, [5000.0, 5000.02, 5000.1], 0),
        ] {
            let cloud = cloud(&[(name, number)], &bytes(times, number));
            cloud.check().expect("is whole");
            let measured = cloud.measured(1.0);
            assert!(
                (measured.stamp - stamp - from).abs() < 20_000,
                "{name} {times:?}"
            );
            let mut after: Vec<i64> = measured.points.iter().map(|p| p.after_ns()).collect();
            after.sort();
            for (found, expected) in after.iter().zip([0, 20_000_000, 100_000_000]) {
                assert!(
                    (found - expected).abs() <= 20_000,
                    "{name} {times:?}: {after:?}"
                );
            }
        }
        // Not the times of one sweep.
        let cloud = cloud(
            &[("time", Number::F32)],
            &bytes([0.0, 20.0, 100.0], Number::F32),
        );
        let measured = cloud.measured(1.0);
        assert_eq!(measured.stamp, stamp);
        assert!(measured.points.iter().all(|p| p.after_ns() == 0));
    }

    #[test]
    fn intensities_are_fractions_of_their_full_scale() {
        let floats = |values: &[f32]| -> Vec<Vec<u8>> {
            values.iter().map(|v| v.to_le_bytes().to_vec()).collect()
        };
        for (values, full) in [
            ([0.5f32, 1.0], 1.0),
            ([3.0, 200.0], 255.0),
            ([3.0, 4000.0], 65_535.0),
        ] {
            let cloud = cloud(&[("intensity", Number::F32)], &floats(&values));
            assert_eq!(cloud.full_scale(), full);
            let found = f64::from(cloud.measured(full).points[1].intensity()) / 65_535.0;
            assert!((found - f64::from(values[1]) / full).abs() < 1e-4);
        }
        let bytes = cloud(&[("reflectivity", Number::U8)], &[vec![1], vec![51]]);
        assert_eq!(bytes.full_scale(), 255.0);
        assert_eq!(bytes.measured(255.0).points[1].intensity(), 13_107);
        assert_eq!(cloud(&[], &[vec![]]).full_scale(), 1.0);
    }

    #[test]
    fn rows_may_be_padded_and_points_displaced() {
        let mut organised = cloud(&[], &vec![vec![]; 4]);
        let mut data = organised.data.to_vec();
        data.splice(24..24, [0xAA; 5]);
        (organised.width, organised.height, organised.row) = (2, 2, 29);
        organised.data = data.into();
        organised.check().expect("is whole");
        organised.origin = Pose::translation(10.0, 0.0, 0.0);
        let points = organised.measured(1.0).points;
        assert_eq!(points.len(), 4);
        assert!(
            points
                .iter()
                .all(|p| [p.x, p.y, p.z] == [11_000, -2000, 500]),
            "{points:?}"
        );
        organised.row = 23;
        assert_eq!(
            organised.check().expect_err("rows overlap").field,
            "row_step"
        );
    }

    #[test]
    fn a_layout_that_lies_is_named() {
        let whole = cloud(&[("intensity", Number::F32)], &vec![vec![0; 4]; 3]);
        let fault = |change: &dyn Fn(&mut Cloud)| {
            let mut cloud = whole.clone();
            change(&mut cloud);
            cloud.check().expect_err("is wrong").field
        };
        assert_eq!(fault(&|c| c.width = 4), "data");
        assert_eq!(fault(&|c| c.width = usize::MAX), "width, height");
        assert_eq!(fault(&|c| c.step = 15), "offset of intensity");
        assert_eq!(fault(&|c| c.fields[1].offset = usize::MAX), "offset of y");
        assert_eq!(fault(&|c| c.fields[1].name = "u".into()), "fields");
        let overlapping = |c: &mut Cloud| {
            c.step = 4;
            c.fields.iter_mut().for_each(|field| field.offset = 0);
        };
        assert_eq!(fault(&overlapping), "point_step");
    }

    proptest! {
        #[test]
        fn any_layout_is_read_or_refused(
            offsets in prop::collection::vec(0usize..40, 5), kinds in prop::collection::vec(0u64..10, 5),
            width in 0usize..9, height in 0usize..4, step in 0usize..40, row in 0usize..200,
            data: Vec<u8>, big_endian: bool,
        ) {
            let fields = ["x", "y", "z", "t", "intensity"].iter().zip(offsets).zip(kinds);
            let fields = fields.filter_map(|((name, offset), kind)| {
                let number = Number::of_point_field(kind)?;
                Some(Field { name: (*name).into(), offset, number })
            });
            let header = Header { stamp: i64::MAX, frame: String::new() };
            let cloud = Cloud {
                header, fields: fields.collect(), big_endian, width, height, step, row,
                data: data.into(), origin: Pose::identity(),
            };
            if cloud.check().is_ok() {
                prop_assert_eq!(cloud.measured(cloud.full_scale()).points.len(), width * height);
            }
        }
    }
}
