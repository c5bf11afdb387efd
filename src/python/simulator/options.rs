//! Keywords of Python as options of the simulator. What they may hold is said where scenarios are read.

use std::borrow::Cow;
use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeWarning, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};

use crate::python::value::{from_python, quoted, text};
use crate::simulator::{FaultRule, NotificationToken, RingOptions, SecondRedirect, read_faults};

/// The keywords of one call, as a scenario has them.
pub(super) fn ring_options(
    script: &Bound<'_, PyDict>,
    token: Option<&Bound<'_, PyAny>>,
    body: Option<&Bound<'_, PyAny>>,
    patience: f64,
) -> PyResult<RingOptions> {
    Ok(RingOptions {
        token: to_token(token)?,
        body: body.map(text).transpose()?.map(Cow::into_owned),
        patience: Some(seconds(patience)?),
        ..RingOptions::from_value(&from_python(script)?)?
    })
}

pub(super) fn faults(faults: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<FaultRule>> {
    Ok(faults.map(from_python).transpose()?.as_ref().map(read_faults).transpose()?.unwrap_or_default())
}

/// The address to listen at; one that others reach is warned of.
pub(super) fn host(py: Python<'_>, host: &str) -> PyResult<IpAddr> {
    let address: IpAddr = if host == "localhost" {
        Ipv4Addr::LOCALHOST.into()
    } else {
        host.parse().map_err(|_| {
            PyValueError::new_err(format!(
                "host is an IP address of this machine, such as 127.0.0.1, not {}",
                quoted(host)
            ))
        })?
    };
    if !address.is_loopback() {
        let warning = format!(
            "the simulator listens at {address}, beyond this machine: whoever reaches it reads its client secret and makes \
             this machine ring its bots"
        );
        PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &CString::new(warning)?, 2)?;
    }
    Ok(address)
}

pub(super) fn second_redirect(word: &str) -> PyResult<SecondRedirect> {
    let known = SecondRedirect::WORDS.iter().find(|(known, _)| *known == word);
    known.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words = SecondRedirect::WORDS.map(|(word, _)| word).join(", ");
        PyValueError::new_err(format!("second_redirect is one of {words}, not {}", quoted(word)))
    })
}

pub(super) fn speed(speed: f64) -> PyResult<f64> {
    if (0.001..=1e6).contains(&speed) {
        return Ok(speed);
    }
    Err(PyValueError::new_err(format!("speed is from 0.001 to 1,000,000, not {speed}")))
}

pub(super) fn seconds(value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value)
        .map_err(|_| PyValueError::new_err(format!("{value} is not a number of seconds, 0 or more")))
}

/// `None`: genuine; text: that; `False`: no header.
fn to_token(token: Option<&Bound<'_, PyAny>>) -> PyResult<NotificationToken> {
    match token {
        None => Ok(NotificationToken::Genuine),
        Some(token) if token.is(&*PyBool::new(token.py(), false)) => Ok(NotificationToken::Missing),
        Some(token) => Ok(NotificationToken::Given(token.extract()?)),
    }
}
