//! A DocSpace whose certificate an authority of its own has signed: trusted when that is named, refused with the fix otherwise.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::Lab;

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_it_is_named_and_refused_otherwise() {
    let mut lab = Lab::new().await;
    let (address, authority) = behind_tls(&lab.sandbox.docspace.url()).await;
    lab.set(
        "ONLYOFFICE_API_HOST",
        format!("https://localhost:{}", address.port()),
    );

    let check = lab.run(&["check"]).await;
    let words = ["certificate", "BOARDROOM_DOCSPACE_CA_FILE"];
    check.found("FAILED", "DocSpace", &words);

    let other = issuer("another authority").pem();
    std::fs::write(lab.path("authority.pem"), other).unwrap();
    lab.set("BOARDROOM_DOCSPACE_CA_FILE", "authority.pem");
    let check = lab.run(&["check"]).await;
    check.found("FAILED", "DocSpace", &words);

    std::fs::write(lab.path("authority.pem"), authority).unwrap();
    let check = lab.run(&["check"]).await;
    check.failed_only(&[]);
    check.found("ok", "DocSpace", &["answers"]);

    std::fs::write(lab.path("authority.pem"), "no certificate\n").unwrap();
    let check = lab.run(&["check"]).await;
    assert_ne!(check.code, 0);
    assert!(check.stderr.contains("authority.pem"), "{check:?}");
}

#[tokio::test]
async fn a_machine_without_authorities_says_so() {
    let mut lab = Lab::new().await;
    let (address, _) = behind_tls(&lab.sandbox.docspace.url()).await;
    lab.set("SSL_CERT_FILE", "/nonexistent/certificates.pem");
    lab.set("SSL_CERT_DIR", "/nonexistent");
    lab.run(&["check"]).await.failed_only(&[]);

    lab.set(
        "ONLYOFFICE_API_HOST",
        format!("https://localhost:{}", address.port()),
    );
    let check = lab.run(&["check"]).await;
    check.found("FAILED", "DocSpace", &["ca-certificates"]);
}

fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Where the server behind is reached by TLS, and the authority that says so.
async fn behind_tls(behind: &str) -> (SocketAddr, String) {
    let behind = behind.trim_start_matches("http://").trim_end_matches('/');
    let behind: SocketAddr = behind.parse().unwrap();
    let issuer = issuer("an authority of one's own");
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Whoever does not trust us hangs up.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut server = TcpStream::connect(behind).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut server).await;
                }
            });
        }
    });
    (address, issuer.pem())
}
