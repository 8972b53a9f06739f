# A static binary with CA certificates, run by a user without rights. Rules, schemas
# and HubSpot's standard properties are in the binary:
#
#     docker build --build-arg VERSION=1.2.3 -t celmap .
#     docker run -p 9090:9090 celmap serve --upstream http://transformer:9090

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=${VERSION}" -o /celmap ./cmd/celmap

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /celmap /celmap
EXPOSE 9090
ENTRYPOINT ["/celmap"]
CMD ["serve"]
