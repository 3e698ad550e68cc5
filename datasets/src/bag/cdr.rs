//! The Common Data Representation in which ROS 2 writes its messages (OMG
//! DDS-XTypes 1.3, section 7.4.3: XCDR version 1, plain, either byte order),
//! read by the schema that the log holds.

use bytes::Bytes;

use super::fault::{Decoded, Fault};
use super::number::Number;
use super::schema::{DEEPEST, Field, Many, Of, Schema};

/// How many values a message may hold, each array of numbers being one. A
/// message of transforms has fourteen for each.
const MOST: usize = 1 << 16;

/// A value of a message.
#[derive(Debug)]
pub(super) enum Value<'s> {
    Number { number: Number, bytes: Array },
    Text(String),
    Array(Array),
    List(Vec<Value<'s>>),
    Message(Message<'s>),
}

/// Numbers as they lie in a message.
#[derive(Clone, Debug)]
pub(super) struct Array {
    number: Number,
    big_endian: bool,
    /// A whole number of them.
    bytes: Bytes,
}

/// A message, or a part of one, by the names of its fields.
#[derive(Debug)]
pub(super) struct Message<'s> {
    fields: Vec<(&'s str, Value<'s>)>,
}

impl Array {
    /// The numbers, as floats.
    pub(super) fn reals(&self) -> impl Iterator<Item = f64> {
        self.bytes
            .chunks_exact(self.number.size())
            .map(|bytes| self.number.real(bytes, self.big_endian))
    }
}

impl<'s> Message<'s> {
    /// Reads the message that is all of `data`.
    pub(super) fn decode(schema: &'s Schema, data: &Bytes) -> Decoded<Self> {
        let big_endian = match data.get(..2) {
            Some([0, 0]) => true,
            Some([0, 1]) => false,
            _ => {
                let expected = "plain CDR of version 1: 00 00 or 00 01";
                return Err(Fault::new("encapsulation", expected));
            }
        };
        if data.len() < 4 {
            return Err(Fault::new("encapsulation", "4 bytes"));
        }
        let mut reader = Reader {
            schema,
            // Alignment counts from behind the encapsulation.
            data: data.slice(4..),
            at: 0,
            big_endian,
            left: MOST,
        };
        reader.message(0, 0)
    }

    fn get(&self, name: &str) -> Decoded<&Value<'s>> {
        let field = self.fields.iter().find(|(field, _)| *field == name);
        field
            .map(|(_, value)| value)
            .ok_or_else(|| Fault::new(name, "this field in the schema"))
    }

    /// A whole number.
    pub(super) fn whole<T: TryFrom<i128>>(&self, name: &str) -> Decoded<T> {
        let value = match self.get(name)? {
            Value::Number { number, bytes } if !number.is_float() => {
                number.whole(&bytes.bytes, bytes.big_endian).try_into().ok()
            }
            _ => None,
        };
        value.ok_or_else(|| Fault::new(name, "a whole number in its range"))
    }

    /// Any number.
    pub(super) fn real(&self, name: &str) -> Decoded<f64> {
        match self.get(name)? {
            Value::Number { number, bytes } => Ok(number.real(&bytes.bytes, bytes.big_endian)),
            _ => Err(Fault::new(name, "a number")),
        }
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Decoded<&str> {
        match self.get(name)? {
            Value::Text(text) => Ok(text),
            _ => Err(Fault::new(name, "a text")),
        }
    }

    /// Numbers, as many as there are.
    pub(super) fn reals(&self, name: &str) -> Decoded<Vec<f64>> {
        match self.get(name)? {
            Value::Array(array) => Ok(array.reals().collect()),
            _ => Err(Fault::new(name, "numbers")),
        }
    }

    /// A known count of numbers.
    pub(super) fn exactly<const N: usize>(&self, name: &str) -> Decoded<[f64; N]> {
        let numbers = self.reals(name)?;
        numbers
            .try_into()
            .map_err(|_| Fault::new(name, format!("{N} numbers")))
    }

    /// Bytes.
    pub(super) fn bytes(&self, name: &str) -> Decoded<Bytes> {
        match self.get(name)? {
            Value::Array(array) if array.number.size() == 1 => Ok(array.bytes.clone()),
            _ => Err(Fault::new(name, "bytes")),
        }
    }

    /// A message within.
    pub(super) fn message(&self, name: &str) -> Decoded<&Message<'s>> {
        match self.get(name)? {
            Value::Message(message) => Ok(message),
            _ => Err(Fault::new(name, "a message")),
        }
    }

    /// The messages of a list.
    pub(super) fn messages(&self, name: &str) -> Decoded<Vec<&Message<'s>>> {
        let wrong = || Fault::new(name, "a list of messages");
        let Value::List(values) = self.get(name)? else {
            return Err(wrong());
        };
        let message = |value: &'_ Value<'s>| matches!(value, Value::Message(_));
        if !values.iter().all(message) {
            return Err(wrong());
        }
        Ok(values
            .iter()
            .filter_map(|value| match value {
                Value::Message(message) => Some(message),
                _ => None,
            })
            .collect())
    }
}

struct Reader<'s> {
    schema: &'s Schema,
    data: Bytes,
    at: usize,
    big_endian: bool,
    /// How many values there may still be.
    left: usize,
}

impl<'s> Reader<'s> {
    fn message(&mut self, index: usize, depth: usize) -> Decoded<Message<'s>> {
        let schema = self.schema;
        let fields = schema.types.get(index).map_or(&[][..], Vec::as_slice);
        if depth > DEEPEST {
            let expected = format!("types within types to a depth of {DEEPEST}");
            return Err(Fault::new("message", expected));
        }
        if fields.is_empty() {
            // A type without a field is sent as one byte.
            self.take(1, "empty message")?;
        }
        let read = |field: &'s Field| Ok((field.name.as_str(), self.field(field, depth)?));
        Ok(Message {
            fields: fields.iter().map(read).collect::<Decoded<_>>()?,
        })
    }

    fn field(&mut self, field: &'s Field, depth: usize) -> Decoded<Value<'s>> {
        self.count(field)?;
        let count = match field.many {
            Many::One => return self.value(field, depth),
            Many::Exactly(count) => count,
            Many::Any => self.length(&field.name)?,
        };
        if let Of::Number(number) = field.of {
            let bytes = self.numbers(number, count, &field.name)?;
            return Ok(Value::Array(bytes));
        }
        // Grows by what is read, not by what is declared.
        let mut values = Vec::new();
        for _ in 0..count {
            self.count(field)?;
            values.push(self.value(field, depth)?);
        }
        Ok(Value::List(values))
    }

    fn value(&mut self, field: &'s Field, depth: usize) -> Decoded<Value<'s>> {
        Ok(match field.of {
            Of::Number(number) => Value::Number {
                number,
                bytes: self.numbers(number, 1, &field.name)?,
            },
            Of::Type(index) => Value::Message(self.message(index, depth + 1)?),
            Of::Text => {
                let length = self.length(&field.name)?;
                let bytes = self.take(length, &field.name)?;
                // The zero at its end counts.
                let text = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
                let text = std::str::from_utf8(text)
                    .map_err(|_| Fault::new(&field.name, "text in UTF-8"))?;
                Value::Text(text.into())
            }
        })
    }

    /// Counts a value.
    fn count(&mut self, field: &Field) -> Decoded<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            let expected = format!("at most {MOST} values in a message");
            Fault::new(&field.name, expected)
        })?;
        Ok(())
    }

    fn length(&mut self, name: &str) -> Decoded<usize> {
        let length = self.numbers(Number::U32, 1, name)?;
        Ok(Number::U32.whole(&length.bytes, self.big_endian) as usize)
    }

    fn numbers(&mut self, number: Number, count: usize, name: &str) -> Decoded<Array> {
        if count > 0 {
            self.at = self.at.next_multiple_of(number.size());
        }
        let size = count.saturating_mul(number.size());
        Ok(Array {
            number,
            big_endian: self.big_endian,
            bytes: self.take(size, name)?,
        })
    }

    fn take(&mut self, size: usize, name: &str) -> Decoded<Bytes> {
        let end = self.at.checked_add(size);
        match end.filter(|&end| end <= self.data.len()) {
            Some(end) => {
                let bytes = self.data.slice(self.at..end);
                self.at = end;
                Ok(bytes)
            }
            None => Err(Fault::new(
                name,
                format!("{size} bytes before the message's end"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "uint8 a\nfloat64 b\nstring c\nint16[] d\nPart[] e\nuint64[2] f\n\
        =====\nMSG: m/Part\nint8 x\nuint32 y\n";

    fn message(big: bool) -> Vec<u8> {
        let mut body: Vec<u8> = Vec::new();
        let mut put = |le: &[u8]| {
            while !body.len().is_multiple_of(le.len()) {
                body.push(0);
            }
            match big {
                true => body.extend(le.iter().rev()),
                false => body.extend(le),
            }
        };
        put(&[7]);
        put(&(-1.5f64).to_le_bytes());
        put(&3u32.to_le_bytes());
        put(b"h");
        put(b"i");
        put(&[0]);
        put(&2u32.to_le_bytes());
        put(&(-2i16).to_le_bytes());
        put(&300i16.to_le_bytes());
        put(&1u32.to_le_bytes());
        put(&[0xFF]);
        put(&0xDEAD_BEEFu32.to_le_bytes());
        put(&u64::MAX.to_le_bytes());
        put(&1u64.to_le_bytes());
        [&[0, u8::from(!big), 0, 0], body.as_slice()].concat()
    }

    #[test]
    fn both_byte_orders_say_the_same() {
        let schema = Schema::parse("m/Whole", TEXT).expect("is right");
        for big in [false, true] {
            let data = Bytes::from(message(big));
            let m = Message::decode(&schema, &data).expect("is whole");
            assert_eq!((m.whole("a"), m.real("b")), (Ok(7u8), Ok(-1.5)));
            assert_eq!(m.text("c"), Ok("hi"));
            assert_eq!(m.reals("d"), Ok(vec![-2.0, 300.0]));
            let parts = m.messages("e").expect("a list");
            assert_eq!(parts[0].whole("x"), Ok(-1i8));
            assert_eq!(parts[0].whole("y"), Ok(0xDEAD_BEEFu32));
            assert!(parts[0].whole::<u16>("y").is_err());
            assert_eq!(m.exactly("f"), Ok([u64::MAX as f64, 1.0]));
            assert!(m.exactly::<3>("f").is_err() && m.bytes("f").is_err());
            assert_eq!(m.text("z").expect_err("is none").field, "z");
            for end in 0..data.len() {
                assert!(
                    Message::decode(&schema, &data.slice(..end)).is_err(),
                    "{end}"
                );
            }
        }
    }

    #[test]
    fn what_could_grow_without_bound_is_refused() {
        let decode = |text: &str, body: &[u8]| {
            let schema = Schema::parse("m/Whole", text).expect("is right");
            let data = Bytes::from([&[0, 1, 0, 0], body].concat());
            Message::decode(&schema, &data)
                .map(|_| ())
                .map_err(|f| f.expected)
        };
        let endless = decode("Whole w", &[]).expect_err("holds itself");
        assert!(endless.contains("depth"), "{endless}");
        let many = [&u32::MAX.to_le_bytes()[..], &[0; 1 << 17]].concat();
        let crowd = decode("Part[] p\n=====\nMSG: m/Part\nbool b\n", &many);
        assert!(crowd.expect_err("too many").contains("values"));
        for empty in ["bool[0] b\n", "string[0] s\n"] {
            let wide = decode(&empty.repeat(MOST + 1), &[]);
            assert!(wide.expect_err("too many").contains("values"));
        }
        let lie = decode("float64[] p", &u32::MAX.to_le_bytes()).expect_err("is not there");
        assert!(lie.contains("34359738360 bytes"), "{lie}");
        let overflow = decode("float64[18446744073709551615] p", &[]);
        assert!(overflow.expect_err("is not there").contains("bytes"));
    }

    proptest! {
        #[test]
        fn spoilt_bytes_never_panic(at in 0usize..80, byte: u8, big: bool) {
            let schema = Schema::parse("m/Whole", TEXT).expect("is right");
            let mut data = message(big);
            let at = at % data.len();
            data[at] = byte;
            let _ = Message::decode(&schema, &Bytes::from(data));
        }

        #[test]
        fn any_bytes_are_a_message_or_a_fault(body: Vec<u8>) {
            let schema = Schema::parse("m/Whole", TEXT).expect("is right");
            let data = Bytes::from([&[0, 1, 0, 0][..], &body].concat());
            let _ = Message::decode(&schema, &data);
        }
    }
}
