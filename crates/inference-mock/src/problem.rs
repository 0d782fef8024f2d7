//! Refusals, in the shape and the words of vLLM.

use http::StatusCode;
use serde_json::json;

/// Why a request gets no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    kind: &'static str,
    param: Option<&'static str>,
    message: String,
}

impl Problem {
    pub(crate) fn invalid(param: Option<&'static str>, message: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "BadRequestError",
            param,
            message,
        }
    }

    pub(crate) fn no_model(model: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            kind: "NotFoundError",
            param: Some("model"),
            message: format!("The model `{model}` does not exist."),
        }
    }

    pub(crate) fn no_path() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            kind: "NotFoundError",
            param: None,
            message: "Not Found".to_owned(),
        }
    }

    pub(crate) fn no_method() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            kind: "MethodNotAllowedError",
            param: None,
            message: "Method Not Allowed".to_owned(),
        }
    }

    pub(crate) fn too_large(most: usize) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            kind: "BadRequestError",
            param: None,
            message: format!("the body is larger than {most} bytes"),
        }
    }

    pub(crate) fn unauthorised() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            kind: "AuthenticationError",
            param: None,
            message: "Unauthorized".to_owned(),
        }
    }

    pub(crate) fn body(&self) -> String {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.status.as_u16()}})
            .to_string()
    }
}
