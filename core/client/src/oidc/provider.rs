//! An issuer: where its endpoints are, and the keys that it signs with.

use std::pin::Pin;

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::url::{Url, form_urlencoded};
use openidconnect::{
    AdditionalProviderMetadata, AsyncHttpClient, DeviceAuthorizationUrl, DiscoveryError, HttpRequest, HttpResponse,
    IssuerUrl, ProviderMetadata, RevocationUrl,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::claims::Expected;
use super::error::OidcError;
use crate::address::{AddressError, ServerAddress};
use crate::http::{CallError, Server};
use crate::wire::ErrorAnswer;

/// What errors call it.
const ROLE: &str = "an OpenID Connect provider";

/// What its metadata have beyond those of the core specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Further {
    /// Where a login by a code begins (RFC 8628).
    pub(super) device_authorization_endpoint: Option<DeviceAuthorizationUrl>,
    /// Where tokens are taken back (RFC 7009).
    pub(super) revocation_endpoint: Option<RevocationUrl>,
    /// How a client may prove that it is the one that began (RFC 7636).
    pub(super) code_challenge_methods_supported: Option<Vec<String>>,
}

impl AdditionalProviderMetadata for Further {}

pub(super) type Metadata = ProviderMetadata<
    Further,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// An issuer whose metadata have been read.
pub(super) struct Provider {
    endpoints: Endpoints,
    metadata: Metadata,
}

impl Provider {
    /// Reads the metadata and the keys of an issuer, which must call itself exactly as it is named here.
    pub(super) async fn discover(url: &str, authority: Option<&str>) -> Result<Self, OidcError> {
        let endpoints = Endpoints::of(url, authority)?;
        let issuer = IssuerUrl::new(url.to_owned()).map_err(|error| OidcError::Address {
            url: url.to_owned(),
            source: AddressError::Unreadable {
                text: url.to_owned(),
                reason: error.to_string(),
            },
        })?;
        let metadata = Metadata::discover_async(issuer, &endpoints).await;
        let metadata = metadata.map_err(|error| undiscovered(url, error))?;
        Ok(Self { endpoints, metadata })
    }

    /// The issuer, as it calls itself.
    pub(super) fn issuer(&self) -> &str {
        self.metadata.issuer().as_str()
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What its metadata have beyond those of the core specification.
    pub(super) fn further(&self) -> &Further {
        self.metadata.additional_metadata()
    }

    /// What its ID tokens for a client are checked against.
    pub(super) fn expects<'a>(&'a self, client_id: &'a str) -> Expected<'a> {
        Expected {
            issuer: self.metadata.issuer(),
            keys: self.metadata.jwks(),
            client_id,
        }
    }

    /// Refuses a page that a browser should not be sent to: it is handed to a program that opens anything.
    pub(super) fn page(&self, page: &str) -> Result<(), CallError> {
        let page = Url::parse(page);
        let page = page.map_err(|error| {
            self.endpoints
                .issuer
                .answer(format!("the page of its logins is none: {error}"))
        });
        self.endpoints.server(&page?).map(|_| ())
    }

    /// Sends a form to one of the endpoints, and reads the answer as JSON.
    pub(super) async fn ask<A: DeserializeOwned>(
        &self,
        what: &'static str,
        endpoint: &Url,
        fields: &[(&str, &str)],
    ) -> Result<A, OidcError> {
        let body = self.send(what, endpoint, fields).await?;
        let server = self.endpoints.server(endpoint)?;
        serde_json::from_slice(&body).map_err(|error| server.answer(format!("its JSON has {}", place(&error))).into())
    }

    /// Sends a form to one of the endpoints, and gives the body of an answer that is a yes.
    pub(super) async fn send(
        &self,
        what: &'static str,
        endpoint: &Url,
        fields: &[(&str, &str)],
    ) -> Result<Vec<u8>, OidcError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut request = HttpRequest::new(body.into_bytes());
        *request.method_mut() = http::Method::POST;
        let server = self.endpoints.server(endpoint)?;
        *request.uri_mut() = endpoint.as_str().parse().map_err(|error: http::uri::InvalidUri| {
            server.answer(format!("it names an endpoint that is none: {error}"))
        })?;
        let headers = request.headers_mut();
        headers.insert(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
        let form = http::HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(http::header::CONTENT_TYPE, form);
        let answer = server.exchange(request).await?;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        Err(self.refusal(what, &answer))
    }

    fn refusal(&self, what: &'static str, answer: &HttpResponse) -> OidcError {
        let status = answer.status().as_u16();
        let said = serde_json::from_slice::<Refusal>(answer.body()).ok();
        let words = match &said {
            Some(Refusal {
                error,
                error_description: Some(description),
            }) => format!("{error} ({description})"),
            Some(Refusal { error, .. }) => error.clone(),
            None => format!(
                "it answers {status} {}",
                ErrorAnswer::words(&String::from_utf8_lossy(answer.body()))
            ),
        };
        OidcError::Refused {
            issuer: self.issuer().to_owned(),
            what,
            status,
            code: said.map(|said| said.error),
            words,
        }
    }
}

/// How the protocol says no (RFC 6749 section 5.2).
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: Option<String>,
}

/// Where JSON is wrong, without a word of its content: it holds tokens.
fn place(error: &serde_json::Error) -> String {
    format!("an error in line {}, column {}", error.line(), error.column())
}

/// Connections to the endpoints that an issuer names.
struct Endpoints {
    issuer: Server,
}

impl Endpoints {
    fn of(url: &str, authority: Option<&str>) -> Result<Self, OidcError> {
        let address = ServerAddress::parse(url, false).map_err(|source| OidcError::Address {
            url: match source {
                AddressError::HasCredentials => String::new(),
                _ => url.to_owned(),
            },
            source,
        })?;
        let issuer = Server::of(ROLE, address.clone(), authority.map(str::as_bytes));
        let issuer = issuer.map_err(|source| OidcError::Authority { address, source })?;
        Ok(Self { issuer })
    }

    /// The server of an endpoint. Tokens go over encrypted connections only; on this computer an issuer may do without.
    fn server(&self, endpoint: &Url) -> Result<Server, CallError> {
        let mut address = endpoint.clone();
        address.set_query(None);
        address.set_fragment(None);
        let refuse = |reason: String| {
            self.issuer
                .answer(format!("it names an endpoint that is none: {reason}"))
        };
        let address = ServerAddress::parse(address.as_str(), false).map_err(|error| refuse(error.to_string()))?;
        if address.is_loopback() && !self.issuer.address().is_loopback() {
            return Err(refuse(format!("{address} is on this computer, and the issuer is not")));
        }
        Ok(self.issuer.at(address))
    }
}

impl<'c> AsyncHttpClient<'c> for Endpoints {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let endpoint = Url::parse(&request.uri().to_string());
            let endpoint = endpoint.map_err(|error| self.issuer.answer(error.to_string()))?;
            self.server(&endpoint)?.exchange(request).await
        })
    }
}

fn undiscovered(issuer: &str, error: DiscoveryError<CallError>) -> OidcError {
    let issuer = issuer.to_owned();
    let reason = match error {
        DiscoveryError::Request(error) => return error.into(),
        // The library has no other use for it.
        DiscoveryError::Validation(reason) => return OidcError::OtherIssuer { issuer, reason },
        DiscoveryError::Parse(error) => format!("its metadata have an error at {}: {}", error.path(), error.inner()),
        DiscoveryError::Response(status, _, _) if !status.is_success() => format!("it answers {status}"),
        DiscoveryError::Response(_, _, reason) | DiscoveryError::Other(reason) => reason,
        error => error.to_string(),
    };
    OidcError::Discovery { issuer, reason }
}
