//! How figures are written.

/// Three digits or more, thousands apart: `0.52`, `7.31`, `48.2`, `1,024`; `-` for what is not known.
pub(crate) fn figure(value: f64) -> String {
    match value {
        _ if value.is_nan() => "-".to_owned(),
        _ if value < 9.995 => format!("{value:.2}"),
        _ if value < 99.95 => format!("{value:.1}"),
        _ => grouped(value.round() as u64),
    }
}

pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if 0 < at && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_or_more() {
        for (value, text) in
            [(0.0, "0.00"), (9.999, "10.0"), (48.25, "48.2"), (999.6, "1,000"), (1e7, "10,000,000")]
        {
            assert_eq!(figure(value), text);
        }
        assert_eq!(figure(f64::NAN), "-");
        assert_eq!((grouped(7), grouped(100)), ("7".to_owned(), "100".to_owned()));
    }
}
