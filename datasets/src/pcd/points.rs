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
            (low, Start::At((low * unit_ns) as i64))
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
                // What is less than a point at the end may be padding.
                let whole = points * record..(points + 1) * record;
                if !whole.contains(&data.len()) {
                    let found = data.len();
                    let expected =
                        format!("{points} points of {record} bytes, found {found} bytes");
                    return Err(Wrong::new("DATA", expected));
                }
                Ok(Self::Rows(header, data))
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
