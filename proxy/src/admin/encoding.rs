//! How an answer is sent: compressed or not, and in which of the formats that there are.
//!
//! A metrics page of 3,000 substations is 18 MB as text and a twentieth of that compressed. The client decides
//! (RFC 9110 §12.5): an answer is compressed where it says that it likes gzip no less than plain text, and metrics are
//! in OpenMetrics' format where it names that and likes it no less than the text format.

use std::io::{self, Write as _};

use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, header};

/// Whether the client of a request with these headers wants gzip.
pub(super) fn wants_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut plain) = (None, None, None);
    let fields = headers.get_all(header::ACCEPT_ENCODING).iter();
    for coding in fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
    {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let Some(weight) = weight_of(weight) else {
            continue;
        };
        let name = name.trim();
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            gzip = Some(weight);
        } else if name.eq_ignore_ascii_case("identity") {
            plain = Some(weight);
        } else if name == "*" {
            any = Some(weight);
        }
    }
    // Plain text that is not named is acceptable, and less liked than what is named.
    gzip.or(any)
        .is_some_and(|weight| weight > 0.0 && plain.is_none_or(|plain| weight >= plain))
}

/// Whether the client of a request with these headers wants metrics in the format of OpenMetrics 1.0.
pub(super) fn wants_open_metrics(headers: &HeaderMap) -> bool {
    let (mut open, mut text) = (None, None);
    let fields = headers.get_all(header::ACCEPT).iter();
    for range in fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
    {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let (mut weight, mut is_ours) = (Some(1.0), true);
        for parameter in parts {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if key.trim().eq_ignore_ascii_case("q") {
                weight = weight_of(parameter);
            } else if key.trim().eq_ignore_ascii_case("version") {
                is_ours = value.trim().trim_matches('"') == "1.0.0";
            }
        }
        let Some(weight) = weight else {
            continue;
        };
        if name.eq_ignore_ascii_case("application/openmetrics-text") {
            if is_ours {
                open = Some(weight);
            }
        } else if name.eq_ignore_ascii_case("text/plain") {
            text = Some(weight);
        }
    }
    // A client that does not name it may not know it.
    open.is_some_and(|open| open > 0.0 && text.is_none_or(|text| open >= text))
}

/// The weight in `q=0.5`; 1 where there is none. `None` where it is no weight.
fn weight_of(parameter: &str) -> Option<f32> {
    let parameter = parameter.trim();
    if parameter.is_empty() {
        return Some(1.0);
    }
    let (name, value) = parameter.split_once('=')?;
    let weight: f32 = value.trim().parse().ok()?;
    (name.trim().eq_ignore_ascii_case("q") && (0.0..=1.0).contains(&weight)).then_some(weight)
}

/// `plain` as gzip. Fast rather than small: a page is read once.
pub(super) fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 16), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use http::HeaderValue;

    use super::*;

    #[test]
    fn an_answer_is_compressed_where_the_client_likes_that() {
        for (fields, expected) in [
            (&[][..], false),
            (&["gzip"], true),
            (&["GZIP"], true),
            (&["x-gzip"], true),
            (&["deflate, gzip;q=1.0, *;q=0.5"], true),
            (&["br", "gzip"], true),
            (&["*"], true),
            (&["gzip; q = 0.1"], true),
            (&["gzip;q=0.5, identity;q=0.5"], true),
            (&["gzip;q=0.001"], true),
            (&["br, deflate"], false),
            (&["gzip;q=0"], false),
            (&["gzip;q=0.000, *"], false),
            (&["gzip;q=0.5, identity"], false),
            (&["identity"], false),
            (&["*;q=0"], false),
            (&[""], false),
            (&["gzip;q=2"], false),
            (&["gzip;q=x"], false),
            (&["gzip;level=1"], false),
            (&["gzipped"], false),
        ] {
            let fields = fields.iter().map(|field| HeaderValue::from_static(field));
            let headers = fields.map(|field| (header::ACCEPT_ENCODING, field));
            let headers = headers.fold(HeaderMap::new(), |mut all, (name, value)| {
                all.append(name, value);
                all
            });
            assert_eq!(wants_gzip(&headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn metrics_are_in_open_metrics_where_the_client_names_it_and_likes_it() {
        for (field, expected) in [
            ("application/openmetrics-text; version=1.0.0", true),
            ("application/openmetrics-text", true),
            ("Application/OpenMetrics-Text;Version=\"1.0.0\"", true),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                true,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1",
                true,
            ),
            ("text/plain, application/openmetrics-text", true),
            ("text/plain, application/openmetrics-text;q=0.9", false),
            ("application/openmetrics-text; version=1.0.0; q=0", false),
            ("application/openmetrics-text; version=0.0.1", false),
            ("application/openmetrics-text; q=x", false),
            ("text/plain; version=0.0.4", false),
            ("application/*", false),
            ("*/*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            assert!(!wants_open_metrics(&headers));
            headers.append(header::ACCEPT, HeaderValue::from_static(field));
            assert_eq!(wants_open_metrics(&headers), expected, "{field}");
        }
        let mut headers = HeaderMap::new();
        for field in ["text/plain;q=0.1", "application/openmetrics-text"] {
            headers.append(header::ACCEPT, HeaderValue::from_static(field));
        }
        assert!(wants_open_metrics(&headers), "two fields are one list");
    }

    #[test]
    fn what_is_compressed_is_the_same() {
        for plain in [String::new(), "load 1\n".repeat(100_000)] {
            let compressed = gzip(plain.as_bytes()).unwrap();
            let mut back = String::new();
            GzDecoder::new(&compressed[..])
                .read_to_string(&mut back)
                .unwrap();
            assert_eq!(back, plain);
        }
    }
}
