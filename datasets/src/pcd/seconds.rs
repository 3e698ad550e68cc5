//! Times as text.

/// Seconds in ns, to the last digit where they are a plain decimal number.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) {
        let ns = text.parse::<f64>().ok()? * 1e9;
        return (ns.abs() < 9.2e18).then_some(ns.round() as i64);
    }
    let ns: i64 = format!("{part:0<9.9}").parse().ok()?;
    let whole: i64 = whole.parse().ok()?;
    whole
        .checked_mul(1_000_000_000)?
        .checked_add(ns)?
        .checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_numbers_are_exact() {
        assert_eq!(
            parse("1614600000.123456789"),
            Some(1_614_600_000_123_456_789)
        );
        assert_eq!(
            parse("1614600000.1234567891"),
            Some(1_614_600_000_123_456_789)
        );
        assert_eq!(parse("0.1"), Some(100_000_000));
        assert_eq!(parse("-1.5"), Some(-1_500_000_000));
        assert_eq!(parse("12"), Some(12_000_000_000));
        assert_eq!(parse("12."), Some(12_000_000_000));
        assert_eq!(parse("1.25e1"), Some(12_500_000_000));
        for wrong in [
            "",
            "-",
            "x",
            "1.x",
            "nan",
            "inf",
            "1e300",
            "99999999999",
            "1 2",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_none(text in "[-+.e0-9]{0,30}|\\PC{0,20}") {
            let _ = parse(&text);
        }

        #[test]
        fn times_survive_being_written(ns in 0i64..i64::MAX) {
            let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
            prop_assert_eq!(parse(&text), Some(ns));
        }
    }
}
