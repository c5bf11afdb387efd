//! The things inside a notification: call, participant, identity, operation, result.

use std::borrow::Cow;

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::hint::{As, JsonDict, hint};
use super::json::JsonObject;
use super::send::Deadline;
use super::value::{extra, quoted, repr};
use crate::mask_phone;
use crate::notification::{self as core, CALL_MEMBERS, Json, Node};

hint! {
    Parties = "tuple[ParticipantInfo, ...]";
    CallState = "Literal['incoming', 'establishing', 'ringing', 'established', 'hold', 'transferring', 'transferAccepted', 'redirecting', 'terminating', 'terminated'] | str | None";
    Direction = "Literal['incoming', 'outgoing'] | str | None";
    Status = "Literal['notStarted', 'running', 'completed', 'failed'] | str | None";
}

type Text<'a> = Option<Cow<'a, str>>;
type Dict<'py> = PyResult<As<JsonDict, Bound<'py, PyDict>>>;

fn object<T: PyClass<BaseType = JsonObject>>(py: Python<'_>, json: Json, class: T) -> PyResult<Py<T>> {
    Py::new(py, PyClassInitializer::from(JsonObject { json, url_id: None }).add_subclass(class))
}

fn node<'a, T: PyClass<BaseType = JsonObject>>(slf: &'a Bound<'_, T>) -> Node<'a> {
    slf.as_super().get().json.node()
}

/// The object member of that name, as an object of its own class.
fn child<T, C>(slf: &Bound<'_, T>, name: &str, class: C) -> PyResult<Option<Py<C>>>
where
    T: PyClass<BaseType = JsonObject>,
    C: PyClass<BaseType = JsonObject>,
{
    let json = &slf.as_super().get().json;
    json.node().object(name).map(|node| object(slf.py(), json.at(node), class)).transpose()
}

/// The same for the call object of a notification.
pub(super) fn call_child<C: PyClass<BaseType = JsonObject>>(
    py: Python<'_>,
    notification: &core::Notification,
    name: &str,
    class: C,
) -> PyResult<Option<Py<C>>> {
    let node = notification.call().and_then(|call| call.0.object(name));
    node.map(|node| object(py, notification.json.at(node), class)).transpose()
}

/// The object of that class name, if it is one of this file.
pub(super) fn restore(
    py: Python<'_>,
    kind: &str,
    json: &Json,
    url_id: Option<String>,
) -> PyResult<Option<Py<PyAny>>> {
    let json = json.clone();
    Ok(Some(match kind {
        "Call" => Call::make(py, json, url_id)?.into_any(),
        "ParticipantInfo" => object(py, json, ParticipantInfo)?.into_any(),
        "Participant" => Participant::make(py, json)?.into_any(),
        "Identity" => object(py, json, Identity)?.into_any(),
        "Operation" => Operation::make(py, json)?.into_any(),
        "ResultInfo" => object(py, json, ResultInfo)?.into_any(),
        _ => return Ok(None),
    }))
}

/// A call as a notification tells it. Real notifications are partial: anything may be ``None``.
///
/// Source: Graph resource type *call*.
#[pyclass(frozen, extends = JsonObject, module = "callredirect")]
pub(super) struct Call;

impl Call {
    /// With the id in the notification's URL, for the many notifications whose call object has none.
    pub(super) fn make(py: Python<'_>, json: Json, url_id: Option<String>) -> PyResult<Py<Self>> {
        let url_id = url_id.filter(|_| core::Call(json.node()).id().is_none());
        Py::new(py, PyClassInitializer::from(JsonObject { json, url_id }).add_subclass(Self))
    }

    pub(super) fn until(slf: &Bound<'_, Self>) -> crate::send::Deadline {
        crate::send::Deadline::of(slf.as_super().get().json.arrival)
    }
}

#[pymethods]
impl Call {
    /// The call's id: what a redirect is sent to.
    #[getter]
    pub(super) fn id<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        core::Call(node(slf)).id().or_else(|| slf.as_super().get().url_id.as_deref().map(Cow::Borrowed))
    }

    /// Where the call stands, as a plain string: ``"incoming"``, ``"established"``, ``"terminated"``, ...
    /// Known values come in their documented spelling, others as they came.
    #[getter]
    fn state<'a>(slf: &'a Bound<'_, Self>) -> As<CallState, Text<'a>> {
        core::Call(node(slf)).state().into()
    }

    /// ``"incoming"`` or ``"outgoing"``.
    #[getter]
    fn direction<'a>(slf: &'a Bound<'_, Self>) -> As<Direction, Text<'a>> {
        core::Call(node(slf)).direction().into()
    }

    /// Who rings.
    #[getter]
    fn source(slf: &Bound<'_, Self>) -> PyResult<Option<Py<ParticipantInfo>>> {
        child(slf, "source", ParticipantInfo)
    }

    /// Who is rung: the bot, or the application instance whose number was called.
    #[getter]
    fn targets<'py>(slf: &Bound<'py, Self>) -> PyResult<As<Parties, Bound<'py, PyTuple>>> {
        let (py, json) = (slf.py(), &slf.as_super().get().json);
        let parties = core::Call(json.node()).targets();
        let parties = parties.map(|party| object(py, json.at(party.0), ParticipantInfo));
        Ok(PyTuple::new(py, parties.collect::<PyResult<Vec<_>>>()?)?.into())
    }

    /// The tenant the call belongs to; a token for the redirect must be of this tenant.
    #[getter]
    pub(super) fn tenant_id<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        core::Call(node(slf)).tenant_id()
    }

    /// Where the call's notifications go. Never used by this package on its own.
    #[getter]
    fn callback_uri<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("callbackUri")
    }

    /// Shared by all legs of a call; goes into support requests.
    #[getter]
    fn call_chain_id<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("callChainId")
    }

    /// The bot's own participant id.
    #[getter]
    fn my_participant_id<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("myParticipantId")
    }

    /// Who picked up, where Graph says it; after a redirect to a phone only an ``encrypted`` identity.
    #[getter]
    fn answered_by(slf: &Bound<'_, Self>) -> PyResult<Option<Py<ParticipantInfo>>> {
        child(slf, "answeredBy", ParticipantInfo)
    }

    /// How the call ended.
    #[getter]
    fn result_info(slf: &Bound<'_, Self>) -> PyResult<Option<Py<ResultInfo>>> {
        child(slf, "resultInfo", ResultInfo)
    }

    /// Free text such as ``"AppRedirected"``.
    #[getter]
    fn termination_reason<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("terminationReason")
    }

    /// Whether the state is ``"terminated"``.
    #[getter]
    fn ended(slf: &Bound<'_, Self>) -> bool {
        core::Call(node(slf)).state().as_deref() == Some("terminated")
    }

    /// Until when a redirect of this call makes sense: 13 seconds from the arrival of its notification.
    #[getter]
    fn deadline(slf: &Bound<'_, Self>) -> Deadline {
        Deadline::of(slf.as_super().get().json.arrival)
    }

    /// Members of the call without an attribute here.
    #[getter]
    fn extra<'py>(slf: &Bound<'py, Self>) -> Dict<'py> {
        Ok(extra(slf.py(), node(slf), &CALL_MEMBERS)?.into())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let call = core::Call(node(slf));
        let source = call.source().map(|source| party_repr(source.0));
        let mut targets: Vec<String> = call.targets().take(4).map(|target| party_repr(target.0)).collect();
        if targets.len() == 4 {
            targets.pop();
            targets.push("...".into());
        }
        repr(
            "Call",
            &[
                ("id", Self::id(slf).map(|id| quoted(&id))),
                ("state", call.state().map(|state| quoted(&state))),
                ("source", source),
                ("targets", (!targets.is_empty()).then(|| format!("({},)", targets.join(", ")))),
                ("tenant_id", call.tenant_id().map(|id| quoted(&id))),
            ],
        )
    }
}

/// One party of a call: ``participantInfo`` or ``invitationParticipantInfo``.
#[pyclass(frozen, extends = JsonObject, module = "callredirect")]
pub(super) struct ParticipantInfo;

const PARTY_MEMBERS: [&str; 7] =
    ["@odata.type", "identity", "region", "endpointType", "languageId", "countryCode", "participantId"];

#[pymethods]
impl ParticipantInfo {
    /// Who it is.
    #[getter]
    fn identity(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Identity>>> {
        child(slf, "identity", Identity)
    }

    /// Home region, such as ``"amer"``.
    #[getter]
    fn region<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("region")
    }

    /// ``"default"``, ``"voicemail"``, ``"skypeForBusiness"``, ``"skypeForBusinessVoipPhone"``.
    #[getter]
    fn endpoint_type<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("endpointType")
    }

    /// Language tag.
    #[getter]
    fn language_id<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("languageId")
    }

    /// Country code.
    #[getter]
    fn country_code<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("countryCode")
    }

    /// The participant's id within the call.
    #[getter]
    fn participant_id<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("participantId")
    }

    /// Members without an attribute here.
    #[getter]
    fn extra<'py>(slf: &Bound<'py, Self>) -> Dict<'py> {
        Ok(extra(slf.py(), node(slf), &PARTY_MEMBERS)?.into())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        party_repr(node(slf))
    }
}

/// Who: an identity set with the one identity in it that is filled in.
#[pyclass(frozen, extends = JsonObject, module = "callredirect")]
pub(super) struct Identity;

#[pymethods]
impl Identity {
    /// ``"user"``, ``"application"``, ``"applicationInstance"``, ``"phone"``, ``"guest"``, ``"encrypted"``, ...
    #[getter]
    fn kind<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        core::Identity::of_set(node(slf)).map(|identity| identity.kind)
    }

    /// Graph object id; E.164 number for ``"phone"``; opaque for ``"encrypted"``.
    #[getter]
    fn id<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        core::Identity::of_set(node(slf))?.id()
    }

    /// Name for people.
    #[getter]
    fn display_name<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        core::Identity::of_set(node(slf))?.node.str("displayName")
    }

    /// The identity's tenant.
    #[getter]
    fn tenant_id<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        core::Identity::of_set(node(slf))?.node.str("tenantId")
    }

    /// Members of the identity without an attribute here.
    #[getter]
    fn extra<'py>(slf: &Bound<'py, Self>) -> Dict<'py> {
        let known = ["@odata.type", "id", "displayName", "tenantId"];
        let extra = match core::Identity::of_set(node(slf)) {
            Some(identity) => extra(slf.py(), identity.node, &known)?,
            None => PyDict::new(slf.py()),
        };
        Ok(extra.into())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        identity_repr(node(slf))
    }
}

fn party_repr(party: Node<'_>) -> String {
    repr(
        "ParticipantInfo",
        &[
            ("identity", party.object("identity").map(identity_repr)),
            ("region", party.str("region").map(|region| quoted(&region))),
        ],
    )
}

/// Phone numbers are masked whatever identity they stand in, and so is the name of somebody who calls from one.
fn identity_repr(set: Node<'_>) -> String {
    let Some(identity) = core::Identity::of_set(set) else { return "Identity()".into() };
    let phone = identity.is_phone() || identity.id().is_some_and(|id| id.starts_with('+'));
    let mask = |text: &str| phone || text.starts_with('+');
    let shown = |text: Cow<'_, str>| quoted(&if mask(&text) { mask_phone(&text).into() } else { text });
    repr(
        "Identity",
        &[
            ("kind", Some(quoted(&identity.kind))),
            ("id", identity.id().map(shown)),
            ("display_name", identity.node.str("displayName").map(shown)),
        ],
    )
}

/// One entry of a roster.
#[pyclass(frozen, extends = JsonObject, module = "callredirect")]
pub(super) struct Participant;

impl Participant {
    pub(super) fn make(py: Python<'_>, json: Json) -> PyResult<Py<Self>> {
        object(py, json, Self)
    }
}

#[pymethods]
impl Participant {
    /// The participant's id within the call.
    #[getter]
    fn id<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("id")
    }

    /// Who it is, with region and endpoint.
    #[getter]
    fn info(slf: &Bound<'_, Self>) -> PyResult<Option<Py<ParticipantInfo>>> {
        child(slf, "info", ParticipantInfo)
    }

    /// Short for ``info.identity``.
    #[getter]
    fn identity(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Identity>>> {
        let json = &slf.as_super().get().json;
        let set = json.node().object("info").and_then(|info| info.object("identity"));
        set.map(|set| object(slf.py(), json.at(set), Identity)).transpose()
    }

    /// Whether the participant is muted.
    #[getter]
    fn is_muted(slf: &Bound<'_, Self>) -> Option<bool> {
        node(slf).bool("isMuted")
    }

    /// Whether the participant waits in the lobby.
    #[getter]
    fn is_in_lobby(slf: &Bound<'_, Self>) -> Option<bool> {
        node(slf).bool("isInLobby")
    }

    /// Members without an attribute here.
    #[getter]
    fn extra<'py>(slf: &Bound<'py, Self>) -> Dict<'py> {
        let known = ["@odata.type", "id", "info", "isMuted", "isInLobby"];
        Ok(extra(slf.py(), node(slf), &known)?.into())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let info = node(slf).object("info").map(party_repr);
        repr("Participant", &[("id", Self::id(slf).map(|id| quoted(&id))), ("info", info)])
    }
}

/// Something asked of a call that takes a while: a prompt, an invitation, a recording.
#[pyclass(frozen, extends = JsonObject, module = "callredirect")]
pub(super) struct Operation;

impl Operation {
    pub(super) fn make(py: Python<'_>, json: Json) -> PyResult<Py<Self>> {
        object(py, json, Self)
    }
}

#[pymethods]
impl Operation {
    /// The operation's id.
    #[getter]
    fn id<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("id")
    }

    /// ``"notStarted"``, ``"running"``, ``"completed"``, ``"failed"``, or as it came.
    #[getter]
    fn status<'a>(slf: &'a Bound<'_, Self>) -> As<Status, Text<'a>> {
        core::Operation(node(slf)).status().into()
    }

    /// What the bot sent along with the request.
    #[getter]
    fn client_context<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("clientContext")
    }

    /// How it ended.
    #[getter]
    fn result_info(slf: &Bound<'_, Self>) -> PyResult<Option<Py<ResultInfo>>> {
        child(slf, "resultInfo", ResultInfo)
    }

    /// Members without an attribute here.
    #[getter]
    fn extra<'py>(slf: &Bound<'py, Self>) -> Dict<'py> {
        let known = ["@odata.type", "id", "status", "clientContext", "resultInfo"];
        Ok(extra(slf.py(), node(slf), &known)?.into())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let status = core::Operation(node(slf)).status().map(|status| quoted(&status));
        repr("Operation", &[("id", Self::id(slf).map(|id| quoted(&id))), ("status", status)])
    }
}

/// A result code, as of a call that ended.
#[pyclass(frozen, extends = JsonObject, module = "callredirect")]
pub(super) struct ResultInfo;

#[pymethods]
impl ResultInfo {
    /// Like an HTTP status; ``None`` if it is not a number.
    #[getter]
    fn code(slf: &Bound<'_, Self>) -> Option<i64> {
        node(slf).get("code")?.as_int()
    }

    /// What exactly; ``None`` if it is not a number.
    #[getter]
    fn subcode(slf: &Bound<'_, Self>) -> Option<i64> {
        node(slf).get("subcode").or_else(|| node(slf).get("subCode"))?.as_int()
    }

    /// Text for support requests.
    #[getter]
    fn message<'a>(slf: &'a Bound<'_, Self>) -> Text<'a> {
        node(slf).str("message")
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let number = |value: Option<i64>| value.map(|value| value.to_string());
        repr(
            "ResultInfo",
            &[
                ("code", number(Self::code(slf))),
                ("subcode", number(Self::subcode(slf))),
                ("message", Self::message(slf).map(|text| quoted(&text))),
            ],
        )
    }
}
