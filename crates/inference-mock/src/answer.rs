//! Answers in OpenAI's shape: one JSON document, or the events of a stream.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::ask::Call;
use crate::engine::{Reason, Work};

/// What all parts of one answer have in common.
#[derive(Debug)]
pub(crate) struct Form {
    call: Call,
    id: String,
    created: u64,
    model: String,
    /// The beginning of each event, up to what differs.
    event: String,
}

impl Form {
    pub(crate) fn new(call: Call, model: &str) -> Self {
        let (prefix, object) = match call {
            Call::Completion => ("cmpl", "text_completion"),
            Call::Chat => ("chatcmpl", "chat.completion.chunk"),
        };
        let id = format!("{prefix}-{:032x}", fastrand::u128(..));
        let created = now();
        let event = format!(
            "data: {{\"id\":\"{id}\",\"object\":\"{object}\",\"created\":{created},\"model\":{},\"choices\":[",
            json!(model)
        );
        Self {
            call,
            id,
            created,
            model: model.to_owned(),
            event,
        }
    }

    /// The first event of a chat, which says whose words follow.
    pub(crate) fn opening(&self) -> Option<Bytes> {
        (self.call == Call::Chat)
            .then(|| self.choice("\"delta\":{\"role\":\"assistant\",\"content\":\"\"}", None))
    }

    /// An event with some text. The text needs no escapes.
    pub(crate) fn piece(&self, text: &str, end: Option<Reason>) -> Bytes {
        match self.call {
            Call::Completion => self.choice(&format!("\"text\":\"{text}\""), end),
            Call::Chat => self.choice(&format!("\"delta\":{{\"content\":\"{text}\"}}"), end),
        }
    }

    fn choice(&self, what: &str, end: Option<Reason>) -> Bytes {
        let mut event = String::with_capacity(self.event.len() + what.len() + 80);
        event.push_str(&self.event);
        let _ = write!(
            event,
            "{{\"index\":0,{what},\"logprobs\":null,\"finish_reason\":"
        );
        match end {
            Some(end) => {
                let _ = write!(event, "\"{}\"", end.word());
            }
            None => event.push_str("null"),
        }
        event.push_str("}]}\n\n");
        event.into()
    }

    /// The event with the count of tokens.
    pub(crate) fn usage(&self, work: Work) -> Bytes {
        format!("{}],\"usage\":{}}}\n\n", self.event, usage(work)).into()
    }

    /// A whole answer.
    pub(crate) fn document(&self, text: &str, work: Work) -> String {
        let (object, mut choice) = match self.call {
            Call::Completion => ("text_completion", json!({"text": text})),
            Call::Chat => (
                "chat.completion",
                json!({"message": {"role": "assistant", "content": text}}),
            ),
        };
        if let Some(choice) = choice.as_object_mut() {
            choice.extend([
                ("index".to_owned(), json!(0)),
                ("logprobs".to_owned(), Value::Null),
                ("finish_reason".to_owned(), json!(work.end.word())),
            ]);
        }
        json!({"id": self.id, "object": object, "created": self.created, "model": self.model, "choices": [choice],
               "usage": usage(work)})
        .to_string()
    }
}

fn usage(work: Work) -> Value {
    json!({"prompt_tokens": work.prompt_tokens, "completion_tokens": work.tokens,
           "total_tokens": work.prompt_tokens + work.tokens})
}

/// The list of models.
pub(crate) fn models(model: &str) -> Value {
    json!({"object": "list", "data": [self::model(model)]})
}

/// One model.
pub(crate) fn model(model: &str) -> Value {
    json!({"id": model, "object": "model", "created": now(), "owned_by": "switchyard", "root": model, "parent": null,
           "max_model_len": crate::settings::CONTEXT})
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
