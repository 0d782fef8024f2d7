//! What the files of other crates name, and what has no part in the order of threads.

/// For the access log's.
#[derive(Debug, Default)]
pub(crate) struct AccessLogMetrics;

pub(crate) mod buffer {
    /// For the access log's buffer of one worker.
    #[derive(Debug, Default)]
    pub(crate) struct Buffer;
}

pub(crate) mod output {
    /// For the access log's file.
    #[derive(Debug)]
    pub(crate) struct Output;
}
