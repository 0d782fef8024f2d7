//! What a request asks for, of the parts of OpenAI's API that change an answer's length or shape.

use serde::Deserialize;
use serde_json::Value;

use crate::engine::{Engine, Work};
use crate::problem::Problem;
use crate::settings::CONTEXT;

/// Characters of a usual token.
const CHARACTERS: u64 = 4;

/// The two calls that generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Completion,
    Chat,
}

#[derive(Debug, Deserialize)]
struct Body {
    model: Option<String>,
    prompt: Option<Value>,
    messages: Option<Vec<Value>>,
    max_tokens: Option<i64>,
    max_completion_tokens: Option<i64>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    ignore_eos: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// A request that can be answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) call: Call,
    pub(crate) work: Work,
    pub(crate) stream: bool,
    /// A stream ends with an event that says how many tokens there were.
    pub(crate) usage: bool,
}

impl Ask {
    /// Reads the body of a call, and draws the length of its answer.
    pub(crate) fn read(call: Call, body: &[u8], engine: &Engine) -> Result<Self, Problem> {
        let body: Body = serde_json::from_slice(body).map_err(|error| {
            Problem::invalid(None, format!("the body is not as the API has it: {error}"))
        })?;
        let model = &engine.settings().model;
        if let Some(other) = body.model.as_ref().filter(|asked| *asked != model) {
            return Err(Problem::no_model(other));
        }
        let prompt = match call {
            Call::Completion => body.prompt.as_ref().map(characters).ok_or("prompt"),
            Call::Chat => body
                .messages
                .as_deref()
                .map(|all| all.iter().map(characters).sum())
                .ok_or("messages"),
        };
        let prompt =
            prompt.map_err(|name| Problem::invalid(Some(name), format!("{name} is missing")))?;
        let prompt_tokens = prompt.div_ceil(CHARACTERS).max(1);
        if prompt_tokens >= CONTEXT {
            return Err(Problem::invalid(
                None,
                format!(
                    "This model's maximum context length is {CONTEXT} tokens. However, your request has {prompt_tokens} input tokens."
                ),
            ));
        }
        let most = body.max_completion_tokens.or(body.max_tokens).map(|most| {
            let most = u64::try_from(most).ok().filter(|most| *most > 0);
            most.ok_or_else(|| {
                Problem::invalid(
                    Some("max_tokens"),
                    "max_tokens must be at least 1".to_owned(),
                )
            })
        });
        Ok(Self {
            call,
            work: engine.work(
                prompt_tokens,
                most.transpose()?,
                body.ignore_eos.unwrap_or(false),
            ),
            stream: body.stream.unwrap_or(false),
            usage: body
                .stream_options
                .and_then(|options| options.include_usage)
                .unwrap_or(false),
        })
    }
}

/// How many characters of text a prompt or a message has.
fn characters(value: &Value) -> u64 {
    match value {
        Value::String(text) => u64::try_from(text.len()).unwrap_or(u64::MAX),
        Value::Array(parts) => parts.iter().map(characters).sum(),
        Value::Object(fields) => ["content", "text"]
            .iter()
            .filter_map(|name| fields.get(*name))
            .map(characters)
            .sum(),
        _ => 0,
    }
}
