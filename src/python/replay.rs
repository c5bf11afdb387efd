//! Replays, for Python: what happens in one is asked for, one thing after another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::bridge::{Completion, Mailbox, block_on, runtime};
use super::hint::{As, hint};
use super::record::{RecordedRequest, seconds, shown_verdict};
use crate::Secret;
use crate::record::{self, Answer, News, Plan, Recorded};

hint! {
    NextNews = "int | Replayed | None";
}

/// A recorded request, and what the bot answered this time.
#[pyclass(frozen, module = "callredirect.testing")]
pub(super) struct Replayed {
    recorded: Arc<Recorded>,
    answer: Answer,
}

#[pymethods]
impl Replayed {
    /// Its place in the replay, from 0: requests are posted in the order they came, answers come as they come.
    #[getter]
    fn index(&self) -> usize {
        self.answer.index
    }

    /// The request as it was recorded.
    #[getter]
    fn request(&self) -> RecordedRequest {
        RecordedRequest(Arc::clone(&self.recorded))
    }

    /// The HTTP status answered now; ``None`` if there was no answer.
    #[getter]
    fn status(&self) -> Option<u16> {
        self.answer.status
    }

    /// Why there was no answer, in words.
    #[getter]
    fn error(&self) -> Option<&str> {
        self.answer.error.as_deref()
    }

    /// Seconds until the answer, or until it was given up.
    #[getter]
    fn elapsed(&self) -> f64 {
        self.answer.elapsed.as_secs_f64()
    }

    /// Whether the status is the one recorded; ``None`` if none was recorded.
    #[getter]
    fn as_recorded(&self) -> Option<bool> {
        self.recorded.verdict.status.map(|status| self.answer.status == Some(status))
    }

    fn __repr__(&self) -> String {
        let now = match (self.answer.status, &self.answer.error) {
            (Some(status), _) => status.to_string(),
            (None, error) => error.clone().unwrap_or_default(),
        };
        format!("<Replayed {}: {now}; recorded: {}>", self.answer.index, shown_verdict(&self.recorded))
    }
}

/// A replay that has begun. It stops when this object goes.
#[pyclass(frozen, module = "callredirect._native")]
pub(super) struct Replay {
    requests: Arc<[Arc<Recorded>]>,
    news: Arc<AsyncMutex<mpsc::UnboundedReceiver<News>>>,
    asked: Arc<Asked>,
    task: AbortHandle,
}

type Asked = Mutex<HashMap<usize, oneshot::Sender<Option<Secret>>>>;

#[pymethods]
impl Replay {
    #[new]
    #[pyo3(signature = (
        requests: "Iterable[RecordedRequest]", url: "str", *, speed: "float | None", concurrency: "int",
        timeout: "float", patience: "float", ask: "bool",
    ))]
    fn new(
        requests: &Bound<'_, PyAny>,
        url: &str,
        speed: Option<f64>,
        concurrency: usize,
        timeout: f64,
        patience: f64,
        ask: bool,
    ) -> PyResult<Self> {
        if let Some(speed) = speed.filter(|speed| !(speed.is_finite() && *speed > 0.0)) {
            let reason = format!("speed must be above 0, or None for as fast as it takes, not {speed}");
            return Err(PyValueError::new_err(reason));
        }
        let mut recorded = Vec::new();
        for request in requests.try_iter()? {
            recorded.push(Arc::clone(&request?.cast::<RecordedRequest>()?.get().0));
        }
        recorded.sort_by_key(|request| request.received_at);
        let plan = Plan {
            requests: recorded.clone(),
            url: record::target(url).map_err(|error| PyValueError::new_err(error.reason))?,
            speed,
            concurrency,
            timeout: seconds("timeout", timeout)?,
            patience: seconds("patience", patience)?,
            ask,
        };
        let (tell, news) = mpsc::unbounded_channel();
        let task = runtime()?.spawn(record::replay(plan, tell)).abort_handle();
        Ok(Self {
            requests: recorded.into(),
            news: Arc::new(AsyncMutex::new(news)),
            asked: Arc::default(),
            task,
        })
    }

    /// What happens next: the number of a request whose ``Authorization`` is asked for, an answer of the bot, or
    /// ``None`` at the end. With a mailbox it comes there, under the ticket returned.
    ///
    /// Raises ``ConnectionError`` when nobody listens.
    fn next(&self, py: Python<'_>, mailbox: Option<&Mailbox>) -> PyResult<As<NextNews, Py<PyAny>>> {
        let news = Arc::clone(&self.news);
        let next = async move { news.lock().await.recv().await };
        let (requests, asked) = (Arc::clone(&self.requests), Arc::clone(&self.asked));
        if let Some(mailbox) = mailbox {
            let waiting = async move {
                let news = next.await;
                Completion::Made(Box::new(move |py| match shown_news(py, news, &requests, &asked) {
                    // Raised where it is waited for.
                    Err(error) => Ok(error.into_value(py).into_any()),
                    shown => shown,
                }))
            };
            return Ok(mailbox.spawn(waiting)?.into_pyobject(py)?.into_any().unbind().into());
        }
        let news = block_on(py, next)?;
        Ok(shown_news(py, news, &requests, &asked)?.into())
    }

    /// The request of that number, which is its place in the order they came.
    fn request(&self, index: usize) -> Option<RecordedRequest> {
        self.requests.get(index).map(|request| RecordedRequest(Arc::clone(request)))
    }

    /// Answers what was asked. ``None`` posts the request without an ``Authorization``.
    fn authorize(&self, index: usize, authorization: Option<&str>) -> PyResult<()> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&index);
        let asked =
            asked.ok_or_else(|| PyRuntimeError::new_err(format!("nobody asked about request {index}")))?;
        // Nobody waits for it when the replay was stopped.
        let _ = asked.send(authorization.map(Secret::new));
        Ok(())
    }

    fn __len__(&self) -> usize {
        self.requests.len()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn shown_news(
    py: Python<'_>,
    news: Option<News>,
    requests: &[Arc<Recorded>],
    asked: &Asked,
) -> PyResult<Py<PyAny>> {
    match news {
        None => Ok(py.None()),
        Some(News::Ask(index, answer)) => {
            asked.lock().unwrap_or_else(PoisonError::into_inner).insert(index, answer);
            Ok(index.into_pyobject(py)?.into_any().unbind())
        }
        Some(News::Done(answer)) => {
            let Some(recorded) = requests.get(answer.index).map(Arc::clone) else { return Ok(py.None()) };
            Ok(Py::new(py, Replayed { recorded, answer })?.into_any())
        }
        Some(News::Unreachable(why)) => Err(PyConnectionError::new_err(why)),
    }
}
