# The image of a release: the binary, root certificates, and a user without rights.
# GoReleaser makes the build context, with a directory for each platform.
ARG BASE=gcr.io/distroless/static:nonroot
FROM ${BASE}
ARG TARGETPLATFORM
COPY ${TARGETPLATFORM}/flyte-credential-helper /usr/bin/flyte-credential-helper
ENTRYPOINT ["/usr/bin/flyte-credential-helper"]
