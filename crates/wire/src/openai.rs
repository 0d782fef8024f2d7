//! Errors in the JSON of `OpenAI`'s API, for clients that were written for that.

use serde::Serialize;

use crate::{Code, Failure};

impl Failure {
    /// The body of the answer, as `OpenAI`'s API says errors. The id of the request is in a header.
    #[must_use]
    pub fn to_openai_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            error: Inner<'a>,
        }
        #[derive(Serialize)]
        struct Inner<'a> {
            message: &'a str,
            r#type: &'a str,
            param: Option<&'a str>,
            code: &'a str,
        }
        let error = Inner {
            message: &self.message,
            r#type: kind(self.code),
            param: None,
            code: self.code.name(),
        };
        serde_json::to_vec(&Body { error }).unwrap_or_default()
    }
}

/// What that API calls the kind of error.
const fn kind(code: Code) -> &'static str {
    match code.status() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn every_code_has_a_kind_and_its_own_name() {
        let told = |code| String::from_utf8(Failure::new(code, "why").to_openai_json()).unwrap();
        assert_eq!(
            told(Code::NoCapacity),
            r#"{"error":{"message":"why","type":"server_error","param":null,"code":"no_capacity"}}"#
        );
        for code in Code::VARIANTS {
            let told: serde_json::Value = serde_json::from_str(&told(*code)).unwrap();
            let kind = told["error"]["type"].as_str().unwrap();
            let is_server = kind == "server_error";
            assert_eq!(is_server, code.status() >= 500, "{told}");
            assert_eq!(told["error"]["code"], code.name());
        }
    }
}
