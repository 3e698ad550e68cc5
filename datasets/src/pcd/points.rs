//! The points of a PCD file.

use super::header::{Encoding, Field, Header};
use super::{Wrong, lzf};
use crate::geometry::Point;

/// Names of the field that holds the intensity, the usual first.
const INTENSITY: [&str; 4] = ["intensity", "reflectivity", "reflectance", "i"];
/// Names of the field that holds a point's time.
const TIME: [&str; 4] = ["t", "time", "timestamp", "offset_time"];

/// The most bytes that points and what they are unpacked from may take.
const MEMORY: usize = 64 << 20;

/// One file's returns.
#[derive(Debug, PartialEq)]
pub(super) struct Scan {
    pub(super) points: Vec<Point>,
    pub(super) start: Start,
}

/// The time from which the points' times count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Start {
    /// Relative to the scan's own stamp, ns; zero or negative.
    After(i64),
    /// By the sensor's clock, ns.
    At(i64),
}

/// Reads the points of a whole file.
///
/// PCD has no units. Coordinates are taken to be metres. Full scale of the
/// intensity is the least of 1 (of floats), 255 and 65,535 that none
/// exceeds. Times are nanoseconds in integers and seconds in floats, but
/// nanoseconds where a sweep would last longer than ten seconds; they count
/// from the scan's stamp, or where they are a day or more from zero, from the
/// epoch.
pub(super) fn read(header: &Header, file: &[u8]) -> Result<Scan, Wrong> {
    let table = Table::new(header, &file[header.end..])?;
    let place = |name: &str| {
        let expected = format!("a field `{name}`, in metres");
        let field = header.field(&[name]);
        field.ok_or_else(|| Wrong::new("FIELDS", expected))
    };
    let [intensity, time] = [INTENSITY, TIME].map(|names| header.field(&names));
    let columns = [
        Some(place("x")?),
        Some(place("y")?),
        Some(place("z")?),
        intensity,
        time,
    ];

    let mut strongest = 0.0;
    let mut times = None;
    if intensity.or(time).is_some() {
        table.each(&columns, |[x, y, z, i, t]| {
            if [x, y, z].iter().all(|c| c.is_finite()) {
                strongest = f64::max(strongest, i);
                if t.is_finite() {
                    let (low, high) = times.unwrap_or((t, t));
                    times = Some((low.min(t), high.max(t)));
                }
            }
        })?;
    }
    let scale = scale(
        strongest,
        intensity.is_none_or(|field| field.number.is_float()),
    );
    let clock = Clock::new(time, times.unwrap_or_default());

    let mut points = Vec::with_capacity(header.points);
    table.each(&columns, |[x, y, z, i, t]| {
        points.push(Point::from_metres([x, y, z], i / scale, clock.after_ns(t)));
    })?;
    Ok(Scan {
        points,
        start: clock.start,
    })
}

fn scale(strongest: f64, is_float: bool) -> f64 {
    match strongest {
        ..=1.0 if is_float => 1.0,
        ..=255.0 => 255.0,
        _ => 65_535.0,
    }
}

/// From the numbers of a time field to the points' times.
struct Clock {
    /// One of the field, ns.
    unit_ns: f64,
    /// Where the points' times are zero, in the field's own unit.
    origin: f64,
    start: Start,
}

impl Clock {
    fn new(field: Option<&Field>, (low, high): (f64, f64)) -> Self {
        const DAY_NS: f64 = 86_400e9;
        let is_float = field.is_some_and(|field| field.number.is_float());
        // A hundred thousand million seconds are thousands of years.
        let seconds = is_float && high - low <= 10.0 && low.abs() < 1e11;
        let unit_ns = if seconds { 1e9 } else { 1.0 };
        let (origin, start) = if (low * unit_ns).abs() >= DAY_NS {
            // As one product it would lose digits.
            let [whole, part] = [low.trunc() as i64, (low.fract() * unit_ns).round() as i64];
            let at = whole.saturating_mul(unit_ns as i64).saturating_add(part);
            (low, Start::At(at))
        } else {
            let origin = low.min(0.0);
            (origin, Start::After((origin * unit_ns) as i64))
        };
        Self {
            unit_ns,
            origin,
            start,
        }
    }

    /// Time after the start, ns. What is not finite becomes zero.
    fn after_ns(&self, t: f64) -> i64 {
        ((t - self.origin) * self.unit_ns).round() as i64
    }
}

/// The values of a file, in its order.
enum Table<'a> {
    Rows(&'a Header, &'a [u8]),
    Columns(&'a Header, Vec<u8>),
    Text(&'a Header, &'a str),
}

impl<'a> Table<'a> {
    /// Checks that the data have as many points as the head says, before
    /// memory is taken for them.
    fn new(header: &'a Header, data: &'a [u8]) -> Result<Self, Wrong> {
        let Header { points, record, .. } = *header;
        let room = MEMORY / size_of::<Point>();
        if points > room {
            return Err(Wrong::new("POINTS", format!("at most {room} points")));
        }
        match header.encoding {
            Encoding::Binary => {
                let (rows, rest) = data
                    .split_at_checked(points * record)
                    .unwrap_or((&[], data));
                // Some versions of the library fill a page with zeros.
                if rows.len() < points * record || rest.iter().any(|byte| *byte != 0) {
                    let found = data.len();
                    let expected =
                        format!("{points} points of {record} bytes, found {found} bytes");
                    return Err(Wrong::new("DATA", expected));
                }
                Ok(Self::Rows(header, rows))
            }
            Encoding::BinaryCompressed => {
                let unpacked = points * record;
                if unpacked + points * size_of::<Point>() > MEMORY {
                    let expected = format!("compressed points of at most {MEMORY} bytes in all");
                    return Err(Wrong::new("POINTS", expected));
                }
                Ok(Self::Columns(header, unpack(data, unpacked)?))
            }
            Encoding::Ascii => {
                let text = str::from_utf8(data).map_err(|_| Wrong::new("DATA", "text"))?;
                let found = lines(text).count();
                if found != points {
                    let expected = format!("{points} lines of a point each, found {found}");
                    return Err(Wrong::new("DATA", expected));
                }
                Ok(Self::Text(header, text))
            }
        }
    }

    /// Visits the values of the given fields, point after point; zero where
    /// there is no field.
    fn each<const N: usize>(
        &self,
        fields: &[Option<&Field>; N],
        mut visit: impl FnMut([f64; N]),
    ) -> Result<(), Wrong> {
        match self {
            Self::Rows(header, bytes) => {
                let records = bytes.chunks_exact(header.record);
                for record in records.take(header.points) {
                    let read = |field: &Field| field.number.read(&record[field.offset..]);
                    visit(fields.map(|field| field.map_or(0.0, read)));
                }
            }
            Self::Columns(header, bytes) => {
                for point in 0..header.points {
                    let start = |f: &Field| f.offset * header.points + f.bytes * point;
                    let read = |field: &Field| field.number.read(&bytes[start(field)..]);
                    visit(fields.map(|field| field.map_or(0.0, read)));
                }
            }
            Self::Text(header, text) => {
                let mut words = Vec::with_capacity(header.values);
                for (point, line) in lines(text).enumerate() {
                    words.clear();
                    words.extend(line.split_ascii_whitespace().take(header.values + 1));
                    let number = |field: &Field| words.get(field.first)?.parse().ok();
                    let values = fields.map(|field| field.map_or(Some(0.0), number));
                    if words.len() != header.values || values.contains(&None) {
                        let expected = format!("{} numbers", header.values);
                        return Err(Wrong::new(format!("point {}", point + 1), expected));
                    }
                    visit(values.map(Option::unwrap_or_default));
                }
            }
        }
        Ok(())
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_ascii().is_empty())
}

/// The sizes of the compressed and of the whole data, and the former.
fn unpack(data: &[u8], expected: usize) -> Result<Vec<u8>, Wrong> {
    let size = |at: usize| {
        let word = data.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(word)).ok()
    };
    let packed = size(0).and_then(|size| data.get(8..)?.get(..size));
    let packed = packed.ok_or_else(|| {
        let found = data.len().saturating_sub(8);
        let expected = format!("as much compressed data as it says, found {found} bytes");
        Wrong::new("DATA", expected)
    })?;
    let whole = (size(4) == Some(expected)).then(|| lzf::decompress(packed, expected));
    whole.flatten().ok_or_else(|| {
        let expected = format!("{expected} bytes, compressed by LZF");
        Wrong::new("DATA", expected)
    })
}

#[cfg(test)]
mod tests {
    use super::super::header::Number;
    use super::*;
    use proptest::prelude::*;

    /// A file of the given fields, name, TYPE and SIZE; each point is a value
    /// for each.
    fn file(encoding: &str, fields: &[(&str, &str, usize)], points: &[Vec<f64>]) -> Vec<u8> {
        let line = |word: fn(&(&str, &str, usize)) -> String| {
            fields.iter().map(word).collect::<Vec<_>>().join(" ")
        };
        let (names, kinds) = (line(|f| f.0.into()), line(|f| f.1.into()));
        let sizes = line(|f| f.2.to_string());
        let count = points.len();
        let mut file = format!(
            "FIELDS {names}\nSIZE {sizes}\nTYPE {kinds}\nPOINTS {count}\nDATA {encoding}\n"
        )
        .into_bytes();
        let bytes = |value: f64, (_, kind, size): (&str, &str, usize)| -> Vec<u8> {
            match (kind, size) {
                ("F", 4) => (value as f32).to_le_bytes().into(),
                ("F", _) => value.to_le_bytes().into(),
                ("U", 8) => (value as u64).to_le_bytes().into(),
                _ => (value as i64).to_le_bytes()[..size].into(),
            }
        };
        let cell = |point: &Vec<f64>, i: usize| bytes(point[i], fields[i]);
        let order = 0..fields.len();
        match encoding {
            "ascii" => {
                let row = |p: &Vec<f64>| p.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
                file.extend(points.iter().flat_map(|p| (row(p) + "\n").into_bytes()));
            }
            "binary" => {
                let rows = points
                    .iter()
                    .flat_map(|p| order.clone().flat_map(|i| cell(p, i)));
                file.extend(rows);
            }
            _ => {
                let columns = order.flat_map(|i| points.iter().flat_map(move |p| cell(p, i)));
                let columns: Vec<u8> = columns.collect();
                let literals = columns.chunks(32);
                let packed = literals.flat_map(|part| [&[part.len() as u8 - 1], part].concat());
                let packed: Vec<u8> = packed.collect();
                file.extend((packed.len() as u32).to_le_bytes());
                file.extend((columns.len() as u32).to_le_bytes());
                file.extend(packed);
            }
        }
        file
    }

    fn scan(file: &[u8]) -> Result<Scan, Wrong> {
        read(&Header::parse(file)?, file)
    }

    const XYZ: [(&str, &str, usize); 3] = [("x", "F", 4), ("y", "F", 4), ("z", "F", 4)];

    /// The time of each point, and the start, of a cloud with one time field.
    fn times(field: (&str, &str, usize), times: &[f64]) -> (Start, Vec<i64>) {
        let points: Vec<_> = times.iter().map(|t| vec![1.0, 2.0, 3.0, *t]).collect();
        let file = file("binary", &[XYZ[0], XYZ[1], XYZ[2], field], &points);
        let scan = scan(&file).expect("is one");
        (
            scan.start,
            scan.points.iter().map(|point| point.after_ns()).collect(),
        )
    }

    #[test]
    fn times_count_from_the_first_whatever_their_form() {
        let ms = 1_000_000;
        for (field, values) in [
            (("t", "U", 4), [0.0, 5e7, 1e8]),
            (("offset_time", "U", 4), [0.0, 5e7, 1e8]),
            (("time", "F", 4), [0.0, 0.05, 0.1]),
            (("time", "F", 8), [0.0, 5e7, 1e8]),
        ] {
            let (start, after) = times(field, &values);
            assert_eq!(
                (start, after),
                (Start::After(0), vec![0, 50 * ms, 100 * ms])
            );
        }
        // Relative to the last point.
        let (start, after) = times(("time", "F", 8), &[-0.1, 0.0, -0.05]);
        assert_eq!(
            (start, after),
            (Start::After(-100 * ms), vec![0, 100 * ms, 50 * ms])
        );
        // Relative to the stamp, which no point was measured at.
        let (start, after) = times(("t", "U", 4), &[2e7, 3e7]);
        assert_eq!((start, after), (Start::After(0), vec![20 * ms, 30 * ms]));
        // By the clock: floats of seconds, floats and integers of nanoseconds.
        let epoch = 1_614_600_000.0;
        let (start, after) = times(("timestamp", "F", 8), &[epoch + 0.5, epoch + 0.75]);
        let at = Start::At(1_614_600_000_500_000_000);
        assert_eq!((start, after), (at, vec![0, 250 * ms]));
        for kind in ["F", "U"] {
            let (start, after) = times(("timestamp", kind, 8), &[epoch * 1e9, epoch * 1e9 + 1e8]);
            let at = Start::At(1_614_600_000_000_000_000);
            assert_eq!((start, after), (at, vec![0, 100 * ms]));
        }
        let (start, after) = times(("timestamp", "F", 8), &[epoch * 1e9]);
        assert_eq!(
            (start, after),
            (Start::At(1_614_600_000_000_000_000), vec![0])
        );
        let (start, after) = times(("time", "F", 8), &[f64::NAN, 0.05, f64::INFINITY]);
        assert_eq!(
            (start, after[..2].to_vec()),
            (Start::After(0), vec![0, 50 * ms])
        );
    }

    #[test]
    fn the_intensity_is_a_fraction_of_its_full_scale() {
        let strongest = |name: &'static str, kind: &'static str, size, values: [f64; 2]| {
            let points = values.map(|value| vec![1.0, 2.0, 3.0, value]);
            let file = file(
                "binary",
                &[XYZ[0], XYZ[1], XYZ[2], (name, kind, size)],
                &points,
            );
            let points = scan(&file).expect("is one").points;
            f64::from(points[1].intensity()) / 65_535.0
        };
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-4, "{found}");
        near(strongest("intensity", "F", 4, [0.5, 1.0]), 1.0);
        near(strongest("intensity", "F", 4, [0.5, 51.0]), 0.2);
        near(strongest("reflectivity", "U", 1, [0.0, 1.0]), 1.0 / 255.0);
        near(strongest("i", "U", 2, [0.0, 256.0]), 256.0 / 65_535.0);
        near(strongest("intensity", "F", 4, [f64::NAN, 1e9]), 1.0);
        near(strongest("intensity", "F", 4, [0.5, -3.0]), 0.0);
        near(strongest("rgb", "F", 4, [0.5, 3.0]), 0.0);
    }

    #[test]
    fn data_that_are_not_what_the_head_says_are_refused() {
        let points = vec![vec![1.0, 2.0, 3.0]; 3];
        let wrong = |file: &[u8]| scan(file).map_err(|wrong| (wrong.field, wrong.expected));
        let named = |file: &[u8], field: &str, expected: &str| {
            let (found, text) = wrong(file).expect_err(expected);
            assert!(found == field && text.contains(expected), "{found}: {text}");
        };
        let with = |encoding| file(encoding, &XYZ, &points);
        let cut = |file: &[u8], by: usize| file[..file.len() - by].to_vec();
        named(
            &cut(&with("binary"), 1),
            "DATA",
            "3 points of 12 bytes, found 35 bytes",
        );
        named(
            &[with("binary"), vec![1; 12]].concat(),
            "DATA",
            "found 48 bytes",
        );
        assert!(
            scan(&[with("binary"), vec![0; 4000]].concat()).is_ok(),
            "is padding"
        );
        named(
            &cut(&with("ascii"), 6),
            "DATA",
            "3 lines of a point each, found 2",
        );
        named(
            &[with("ascii"), b"1 2 3\n".into()].concat(),
            "DATA",
            "found 4",
        );
        named(
            &[cut(&with("ascii"), 3), b"\n".into()].concat(),
            "point 3",
            "3 numbers",
        );
        named(
            &[cut(&with("ascii"), 2), b"x\n".into()].concat(),
            "point 3",
            "3 numbers",
        );
        named(
            &[cut(&with("ascii"), 2), vec![0xFF]].concat(),
            "DATA",
            "text",
        );
        let packed = with("binary_compressed");
        named(
            &cut(&packed, 1),
            "DATA",
            "as much compressed data as it says, found",
        );
        named(&cut(&packed, 42), "DATA", "as much compressed data");
        let mut other = packed.clone();
        let head = Header::parse(&packed).expect("is one").end;
        other[head + 4] += 1;
        named(&other, "DATA", "36 bytes, compressed by LZF");
        other[head + 4] -= 1;
        other[head + 8] = 40;
        named(&other, "DATA", "36 bytes, compressed by LZF");

        named(
            &file("binary", &XYZ[..2], &[vec![1.0, 2.0]]),
            "FIELDS",
            "a field `z`",
        );
        let empty = b"FIELDS\nSIZE\nTYPE\nPOINTS 0\nDATA binary\n";
        assert!(scan(empty).is_err());
        for (points, data) in [("4194305", "binary"), ("4194304", "binary_compressed")] {
            let head =
                format!("FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS {points}\nDATA {data}\n");
            named(head.as_bytes(), "POINTS", "at most");
        }
        let none = file("ascii", &XYZ, &[]);
        assert_eq!(scan(&none).expect("has no point").points, []);
    }

    proptest! {
        /// Text, rows and columns hold the same.
        #[test]
        fn every_encoding_gives_the_same_points(
            values in prop::collection::vec(prop::array::uniform5(-100i32..100), 0..40),
            kinds in prop::array::uniform5(prop::sample::select(vec![
                ("F", 4), ("F", 8), ("I", 1), ("I", 2), ("I", 4), ("I", 8),
            ])),
        ) {
            let names = ["x", "_", "y", "z", "intensity"];
            let fields: Vec<_> = names.iter().zip(kinds).map(|(n, (k, s))| (*n, k, s)).collect();
            let points: Vec<Vec<f64>> = values.iter().map(|v| v.map(f64::from).to_vec()).collect();
            let scans = ["ascii", "binary", "binary_compressed"]
                .map(|encoding| scan(&file(encoding, &fields, &points)).expect("is one"));
            for (point, [x, _, y, z, _]) in scans[0].points.iter().zip(&values) {
                prop_assert_eq!([point.x, point.y, point.z], [x * 1000, y * 1000, z * 1000]);
            }
            prop_assert_eq!(scans[0].points.len(), values.len());
            prop_assert_eq!(&scans[0], &scans[1]);
            prop_assert_eq!(&scans[0], &scans[2]);
        }

        #[test]
        fn any_data_are_points_or_wrong(
            kinds in prop::collection::vec(("x|y|z|t|intensity|_", "I|U|F", "1|2|4|8", 1u32..4), 0..8),
            points in 0usize..50,
            encoding in "ascii|binary|binary_compressed",
            data in prop::collection::vec(any::<u8>(), 0..2000),
        ) {
            let line = |word: fn(&(String, String, String, u32)) -> String| {
                kinds.iter().map(word).collect::<Vec<_>>().join(" ")
            };
            let mut file = format!(
                "FIELDS {}\nTYPE {}\nSIZE {}\nCOUNT {}\nPOINTS {points}\nDATA {encoding}\n",
                line(|k| k.0.clone()), line(|k| k.1.clone()), line(|k| k.2.clone()), line(|k| k.3.to_string()),
            )
            .into_bytes();
            file.extend(data);
            if let Ok(scan) = scan(&file) {
                prop_assert_eq!(scan.points.len(), points);
            }
        }

        #[test]
        fn any_number_is_read(number in prop::sample::select(vec![Number::U8, Number::I64, Number::F64]), bytes: Vec<u8>) {
            let _ = number.read(&bytes);
        }
    }
}
