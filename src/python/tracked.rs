//! What is known of each call, and what a store keeps of its claim.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::call::Call;
use super::hint::{As, hint};
use super::operation::ResultInfo;
use super::outcome;
use super::participant::ParticipantInfo;
use super::send::Deadline;
use super::view::View;
use crate::calls::{self as core, Settlement, Stage, Step, Ticket, Told};
use crate::outcome::Outcome;

hint! {
    Steps = "tuple[tuple[str, float], ...]";
    MaybeOutcome = "Outcome | None";
}

/// One call from its arrival to its end: every step with its time, the outcome, who answered.
#[pyclass(frozen, module = "callredirect")]
pub(super) struct TrackedCall(pub(super) Arc<core::TrackedCall>);

#[pymethods]
impl TrackedCall {
    /// The call's id.
    #[getter]
    fn call_id(&self) -> &str {
        self.0.call_id()
    }

    /// The call as it came in; ``None`` if this process never saw that.
    #[getter]
    fn call(&self, py: Python<'_>) -> PyResult<Option<Py<Call>>> {
        self.0
            .ask(|told| told.incoming.clone())
            .map(|incoming| Call::of_notification(py, &incoming))
            .transpose()
    }

    /// How the redirect went; ``None`` while it is under way, or if there was none.
    #[getter]
    fn outcome(&self, py: Python<'_>) -> PyResult<As<MaybeOutcome, Option<Py<PyAny>>>> {
        let outcome = match self.0.told().settlement {
            Some(Settlement::Redirected(outcome)) => Some(outcome::object(py, outcome)?),
            _ => None,
        };
        Ok(outcome.into())
    }

    /// Why there is no outcome, if there is none: the handler raised, the redirect broke rules, no token came, ...
    /// With an outcome: why it is that of the default redirect.
    #[getter]
    fn failure(&self) -> Option<String> {
        let told = self.0.told();
        match told.settlement {
            Some(Settlement::Failed(reason)) => Some(reason),
            _ => told.fallback,
        }
    }

    /// How far it came: ``seen``, ``claimed``, ``sent``, and then how it ended: ``accepted``, ``rejected``, ``gone``,
    /// ``left alone``, ``failed``, ``expired`` or ``unknown``. Never goes back. What another worker did is known here
    /// once the call has ended.
    #[getter]
    fn stage(&self) -> &'static str {
        self.0.ask(|told| told.stage.name())
    }

    /// Whether it is known how its redirect went, or why there was none.
    #[getter]
    fn settled(&self) -> bool {
        self.0.is_settled()
    }

    /// Whether another worker has the call; its outcome is known there.
    #[getter]
    fn elsewhere(&self) -> bool {
        self.0.ask(|told| matches!(told.settlement, Some(Settlement::Elsewhere)))
    }

    /// Whether its end was waited for in vain.
    #[getter]
    fn timed_out(&self) -> bool {
        self.0.ask(|told| told.has(Step::TimedOut))
    }

    /// When its time is up: 13 seconds after anybody saw it first.
    #[getter]
    fn deadline(&self) -> Deadline {
        self.0.deadline().into()
    }

    /// Whether the handler left the call alone.
    #[getter]
    fn left_alone(&self) -> bool {
        self.0.ask(|told| matches!(told.settlement, Some(Settlement::LeftAlone)))
    }

    /// Whether it is known to have ended; with a store, another worker may have been told.
    #[getter]
    fn ended(&self) -> bool {
        self.0.ask(Told::is_over)
    }

    /// Who picked up, where Graph says it; after a redirect to a phone only an ``encrypted`` identity.
    #[getter]
    fn answered_by(&self, py: Python<'_>) -> PyResult<Option<Py<ParticipantInfo>>> {
        self.of_end(py, "answeredBy")
    }

    /// How the call ended, where Graph says it.
    #[getter]
    fn result_info(&self, py: Python<'_>) -> PyResult<Option<Py<ResultInfo>>> {
        self.of_end(py, "resultInfo")
    }

    /// Every step in order, as name and seconds since the call's first notification arrived: ``received``,
    /// ``verified``, ``parsed``, ``claimed``, ``decided``, ``validated``, ``sent``, ``replied``, ``settled``, ``ended`` or ``timed out``.
    #[getter]
    fn steps(&self) -> As<Steps, StepTuple> {
        StepTuple(self.0.told().steps.iter().map(|(step, at)| (step.name(), at.as_secs_f64())).collect())
            .into()
    }

    /// One readable line per step, with milliseconds since arrival.
    fn timeline(&self) -> String {
        self.0.timeline()
    }

    fn __str__(&self) -> String {
        self.0.timeline()
    }

    fn __repr__(&self) -> String {
        let told = self.0.told();
        let ended = told.is_over();
        let settled = told.settlement.map_or_else(|| "under way".to_owned(), |settled| settled.summary());
        format!("<TrackedCall {} {settled}{}>", self.0.call_id(), if ended { ", ended" } else { "" })
    }

    #[getter]
    fn _key(&self) -> String {
        self.0.key().key
    }

    #[getter]
    fn _fence(&self) -> Option<u64> {
        self.0.ask(|told| told.ticket.as_ref().map(|ticket| ticket.fence))
    }

    #[getter]
    fn _tenant_id(&self) -> Option<String> {
        self.0.ask(|told| told.tenant_id.clone())
    }

    #[getter]
    fn _attempts(&self) -> u32 {
        self.0.ask(|told| told.settlement.as_ref().map_or(0, Settlement::attempts))
    }

    /// Claimed in a store of the bot's own, or by nobody's leave.
    #[pyo3(signature = (worker, fence, budget))]
    fn _claimed(&self, worker: Option<String>, fence: u64, budget: f64) {
        let ticket = worker.map(|worker| Ticket { worker, fence });
        self.0.claimed(ticket, Duration::try_from_secs_f64(budget).unwrap_or_default());
    }

    fn _sending(&self) {
        self.0.sending();
    }

    fn _heard(&self, stage: &str) {
        if let Some(stage) = Stage::named(stage) {
            self.0.heard(stage);
        }
    }

    fn _elsewhere(&self) -> bool {
        self.0.settle(Settlement::Elsewhere)
    }

    fn _fall_back(&self, reason: String) {
        self.0.fall_back(reason);
    }

    fn _end_elsewhere(&self) {
        self.0.end_elsewhere(None);
    }

    fn _time_out(&self) -> bool {
        self.0.time_out()
    }

    fn _decided(&self) {
        self.0.mark(Step::Decided);
    }

    fn _validated(&self) {
        self.0.mark(Step::Validated);
    }

    fn _left_alone(&self) -> bool {
        self.0.settle(Settlement::LeftAlone)
    }

    fn _failed(&self, reason: String) -> bool {
        self.0.settle(Settlement::Failed(reason))
    }

    fn _redirected(&self, outcome: &Bound<'_, outcome::Outcome>) -> bool {
        let outcome: Outcome = outcome.get().core().clone();
        self.0.settle(Settlement::Redirected(outcome))
    }
}

impl TrackedCall {
    /// An object member of the call as it ended.
    fn of_end<C: View>(&self, py: Python<'_>, wire: &str) -> PyResult<Option<Py<C>>> {
        let Some(ended) = self.0.told().ended else { return Ok(None) };
        let node = ended.call().and_then(|call| call.0.object(wire));
        node.map(|node| C::of(py, super::json::JsonObject::new(ended.json.at(node)))).transpose()
    }
}

struct StepTuple(Vec<(&'static str, f64)>);

impl<'py> IntoPyObject<'py> for StepTuple {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0)
    }
}

/// What a store of claims keeps of one call: who has it, and how far it came.
#[pyclass(frozen, eq, hash, module = "callredirect")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct ClaimRecord {
    call_id: String,
    worker: String,
    fence: u64,
    stage: Stage,
    attempts: u32,
    ended: bool,
}

impl From<core::Record> for ClaimRecord {
    fn from(record: core::Record) -> Self {
        let core::Record { call_id, worker, fence, stage, attempts, ended, .. } = record;
        Self { call_id, worker, fence, stage, attempts, ended }
    }
}

#[pymethods]
impl ClaimRecord {
    #[new]
    #[pyo3(signature = (
        call_id: "str", *, worker: "str" = String::new(), fence: "int" = 0, stage: "str" = "seen", attempts: "int" = 0,
        ended: "bool" = false,
    ))]
    fn new(
        call_id: String,
        worker: String,
        fence: u64,
        stage: &str,
        attempts: u32,
        ended: bool,
    ) -> PyResult<Self> {
        let stage = Stage::named(stage).ok_or_else(|| {
            let names = Stage::ALL.map(Stage::name).join(", ");
            PyValueError::new_err(format!("a stage is one of {names}, not {stage:?}"))
        })?;
        Ok(Self { call_id, worker, fence, stage, attempts, ended })
    }

    /// The call's id.
    #[getter]
    fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The process that has the call; empty if it ended before anybody claimed it.
    #[getter]
    fn worker(&self) -> &str {
        &self.worker
    }

    /// Rises with each worker that takes the call over; only the latest may send.
    #[getter]
    fn fence(&self) -> u64 {
        self.fence
    }

    /// How far it came, as ``TrackedCall.stage``.
    #[getter]
    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    /// Requests that may have reached Graph.
    #[getter]
    fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether the call itself ended.
    #[getter]
    fn ended(&self) -> bool {
        self.ended
    }

    fn __repr__(&self) -> String {
        let ended = if self.ended { ", ended" } else { "" };
        format!("<ClaimRecord {} {}{ended}>", self.call_id, self.stage.name())
    }
}
