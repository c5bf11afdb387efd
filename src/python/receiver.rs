//! `Receiver`: verifies, reads, and asks for claims.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::bridge::{Mailbox, runtime};
use super::hint::{As, hint};
use super::notification::arrival;
use super::redirector::{Receipt, Reply, RequestHeaders, body_text};
use super::tracked::{ClaimRecord, TrackedCall};
use super::verify::Verifier;
use crate::calls::{ClaimDesk, Grant, OnFault, Place};
use crate::notification::ParseOptions;
use crate::redirector::{self, Receipt as CoreReceipt, Regions, Request, Work};
use crate::verify::Binding;

hint! {
    Tracked = "tuple[TrackedCall, ...]";
    Granted = "int | tuple[str, str | None]";
    Finished = "int | str | None";
    First = "int | bool";
    Found = "int | str | ClaimRecord | None";
    Unfinished = "int | str | tuple[ClaimRecord, ...]";
}

/// Calls remembered by one process.
const REMEMBERED: usize = 10_000;

/// Verifies, reads and claims; knows the calls.
#[pyclass(frozen, module = "callredirect._native")]
pub(super) struct Receiver {
    core: redirector::Redirector,
    verifier: Arc<crate::verify::Verifier>,
}

#[pymethods]
impl Receiver {
    #[new]
    #[pyo3(signature = (
        verifier: "Verifier", *, store: "str", fail_closed: "bool", application_instances: "Sequence[str] | None",
        regions: "Mapping[str, str]"
    ))]
    fn new(
        verifier: &Verifier,
        store: &str,
        fail_closed: bool,
        application_instances: Option<Vec<String>>,
        regions: HashMap<String, String>,
    ) -> PyResult<Self> {
        let place = Place::of(store).map_err(PyValueError::new_err)?;
        let verifier = &verifier.core;
        if !verifier.can_verify() {
            return Err(PyValueError::new_err(
                "the verifier has no keys and no metadata_url to fetch any from",
            ));
        }
        let on_fault = if fail_closed { OnFault::FailClosed } else { OnFault::Degrade };
        let claims = Arc::new(ClaimDesk::new(place, on_fault, REMEMBERED));
        let binding = Binding::new(application_instances);
        let regions = Regions::new(regions).map_err(|error| PyValueError::new_err(error.reason))?;
        let options = ParseOptions::default();
        let core = redirector::Redirector::new(Arc::clone(verifier), binding, claims, options, REMEMBERED);
        let core = core.leaving_to(regions);
        Ok(Self { core, verifier: Arc::clone(verifier) })
    }

    /// The longest body that is read, in bytes: a host need not read more.
    #[getter]
    fn max_bytes(&self) -> usize {
        self.core.max_bytes()
    }

    /// Verifies and reads.
    #[pyo3(signature = (
        body: "bytes | str | Mapping[str, Any]",
        headers: "Mapping[str, str] | Iterable[tuple[str, str] | tuple[bytes, bytes]]",
        received_at: "float | None",
    ))]
    fn receive(
        &self,
        py: Python<'_>,
        body: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        received_at: Option<f64>,
    ) -> PyResult<Receipt> {
        let headers = RequestHeaders::read(headers)?;
        let request = Request {
            body: &body_text(body)?,
            authorization: &headers.authorization,
            content_type: headers.content_type.last().map(String::as_str),
            region: headers.region.last().map(String::as_str),
            arrival: arrival(py, received_at)?,
        };
        let mut receipt = Receipt {
            reply: None,
            reason: None,
            incoming: Vec::new(),
            scenario_id: headers.scenario_id.last().cloned(),
            ended: Vec::new(),
            keys_due: false,
        };
        match self.core.receive(&request) {
            CoreReceipt::NeedsKeys => {}
            CoreReceipt::Refused(reply, reason) => {
                receipt.reply = Some(Py::new(py, Reply(reply))?);
                receipt.reason = Some(reason);
            }
            CoreReceipt::Accepted(reply, work) => {
                receipt.reply = Some(Py::new(py, Reply(reply))?);
                receipt.keys_due = self.verifier.keys_due();
                for item in work {
                    match item {
                        Work::Redirect(call) => receipt.incoming.push(Py::new(py, TrackedCall(call))?),
                        Work::Ended(call) => receipt.ended.push(Py::new(py, TrackedCall(call))?),
                    }
                }
            }
        }
        Ok(receipt)
    }

    /// Fetches Microsoft's keys, or waits for who is at it; ``None`` or the reason of the failure comes through the mailbox.
    fn fetch_keys(&self, mailbox: &Mailbox) -> PyResult<u64> {
        let verifier = Arc::clone(&self.verifier);
        mailbox.spawn(async move { verifier.fetch_keys().await }, |py, fetched| {
            Ok(fetched.err().into_pyobject(py)?.unbind())
        })
    }

    /// The calls of this process, oldest first.
    #[getter]
    fn calls<'py>(&self, py: Python<'py>) -> PyResult<As<Tracked, Bound<'py, PyTuple>>> {
        let calls = self.core.calls().recent().into_iter().map(|call| Py::new(py, TrackedCall(call)));
        Ok(PyTuple::new(py, calls.collect::<PyResult<Vec<_>>>()?)?.into())
    }

    /// The call of that id, if this process knows it.
    fn find(&self, call_id: &str) -> Option<TrackedCall> {
        self.core.calls().find(call_id).map(TrackedCall)
    }

    /// Claims a call: a word and why. Comes through the mailbox under the ticket returned; without one, at once, which
    /// only local claims can.
    fn claim(
        &self,
        py: Python<'_>,
        call: &TrackedCall,
        mailbox: Option<&Mailbox>,
    ) -> PyResult<As<Granted, Py<PyAny>>> {
        answer(py, mailbox, Arc::clone(self.core.claims()).claim(Arc::clone(&call.0)), granted)
    }

    /// Asks leave to send; answers as ``claim``.
    fn may_send(
        &self,
        py: Python<'_>,
        call: &TrackedCall,
        mailbox: Option<&Mailbox>,
    ) -> PyResult<As<Granted, Py<PyAny>>> {
        answer(py, mailbox, Arc::clone(self.core.claims()).may_send(Arc::clone(&call.0)), granted)
    }

    /// Writes down how a call was settled: ``None``, or why it could not be. Without a mailbox nobody waits for it.
    fn finish(
        &self,
        py: Python<'_>,
        call: &TrackedCall,
        mailbox: Option<&Mailbox>,
    ) -> PyResult<As<Finished, Py<PyAny>>> {
        let finishing = Arc::clone(self.core.claims()).finish(Arc::clone(&call.0));
        if mailbox.is_none() && !self.core.claims().are_local() {
            runtime()?.spawn(finishing);
            return Ok(py.None().into());
        }
        answer(py, mailbox, finishing, |py, done| {
            Ok(done.err().map(|fault| fault.reason).into_pyobject(py)?.unbind())
        })
    }

    /// Writes down that a call ended: whether no other worker knew.
    fn end(
        &self,
        py: Python<'_>,
        call: &TrackedCall,
        mailbox: Option<&Mailbox>,
    ) -> PyResult<As<First, Py<PyAny>>> {
        answer(py, mailbox, Arc::clone(self.core.claims()).end(Arc::clone(&call.0)), |py, first| {
            Ok(first.into_pyobject(py)?.to_owned().into_any().unbind())
        })
    }

    /// What the store has of a call: a record, ``None``, or why it cannot be said.
    fn get(
        &self,
        py: Python<'_>,
        call: &TrackedCall,
        mailbox: Option<&Mailbox>,
    ) -> PyResult<As<Found, Py<PyAny>>> {
        answer(
            py,
            mailbox,
            Arc::clone(self.core.claims()).get(Arc::clone(&call.0)),
            |py, found| match found {
                Ok(record) => Ok(record.map(ClaimRecord::from).into_pyobject(py)?.unbind()),
                Err(fault) => Ok(fault.reason.into_pyobject(py)?.into_any().unbind()),
            },
        )
    }

    /// Calls whose worker is gone and never said how they ended; or why it cannot be said.
    fn unfinished(&self, py: Python<'_>, mailbox: Option<&Mailbox>) -> PyResult<As<Unfinished, Py<PyAny>>> {
        answer(py, mailbox, Arc::clone(self.core.claims()).unfinished(), |py, found| match found {
            Ok(records) => {
                let records = records.into_iter().map(|record| Py::new(py, ClaimRecord::from(record)));
                Ok(PyTuple::new(py, records.collect::<PyResult<Vec<_>>>()?)?.into_any().unbind())
            }
            Err(fault) => Ok(fault.reason.into_pyobject(py)?.into_any().unbind()),
        })
    }

    /// Whether claims reach no further than this process.
    #[getter]
    fn claims_are_local(&self) -> bool {
        self.core.claims().are_local()
    }

    /// Calls that went on without the store.
    #[getter]
    fn claims_degraded(&self) -> u64 {
        self.core.claims().degraded()
    }

    /// From now on every request is answered 503.
    fn close(&self) {
        self.core.close();
    }
}

fn granted(py: Python<'_>, grant: Grant) -> PyResult<Py<PyAny>> {
    let (word, reason) = match grant {
        Grant::Yours => ("yours", None),
        Grant::Unasked(reason) => ("unasked", Some(reason)),
        Grant::Elsewhere => ("elsewhere", None),
        Grant::Ended => ("ended", None),
        Grant::Refused(reason) => ("refused", Some(reason)),
    };
    Ok((word, reason).into_pyobject(py)?.into_any().unbind())
}

/// What a question about claims comes to: a ticket, or the answer itself where nobody needs to wait for it.
fn answer<T: Send + 'static, H>(
    py: Python<'_>,
    mailbox: Option<&Mailbox>,
    question: impl Future<Output = T> + Send + 'static,
    make: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<As<H, Py<PyAny>>> {
    if let Some(mailbox) = mailbox {
        return Ok(mailbox.spawn(question, make)?.into_pyobject(py)?.into_any().unbind().into());
    }
    match pin!(question).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Ok(make(py, answer)?.into()),
        Poll::Pending => Err(PyRuntimeError::new_err("only local claims can be asked without a mailbox")),
    }
}
