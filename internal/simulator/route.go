package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// version is the version of a path.
type version string

const (
	v1            version = "v1"
	v3            version = "v3"
	v4            version = "v4"
	september2025 version = "2025-09"
	march2026     version = "2026-03"
	september2026 version = "2026-09"
)

// family is what several paths have in common: how they begin in each version.
type family map[version]string

// No rule makes one version's paths from another's, so each is told.
var (
	objects = family{
		v3:            "/crm/v3/objects",
		march2026:     "/crm/objects/2026-03",
		september2026: "/crm/objects/2026-09",
	}
	properties = family{
		v3:            "/crm/v3/properties",
		march2026:     "/crm/properties/2026-03",
		september2026: "/crm/properties/2026-09",
	}
	propertiesV1   = family{v1: "/properties/v1"}
	associationsV3 = family{v3: "/crm/v3/associations"}
	associationsV4 = family{
		v4:            "/crm/v4/associations",
		march2026:     "/crm/associations/2026-03",
		september2026: "/crm/associations/2026-09",
	}
	// The associations of one record are among the objects.
	objectsV4 = family{
		v4:            "/crm/v4/objects",
		march2026:     "/crm/objects/2026-03",
		september2026: "/crm/objects/2026-09",
	}
	schemas = family{
		v3:            "/crm-object-schemas/v3/schemas",
		march2026:     "/crm-object-schemas/2026-03/schemas",
		september2026: "/crm-object-schemas/2026-09/schemas",
	}
	schemasCRM = family{v3: "/crm/v3/schemas"}
	account    = family{
		v3:            "/account-info/v3/details",
		march2026:     "/account-info/2026-03/details",
		september2026: "/account-info/2026-09/details",
	}
	sending = family{
		v3:            "/events/v3/send",
		september2025: "/events/custom/2025-09/send",
		march2026:     "/events/2026-03/send",
		september2026: "/events/custom/2026-09/send",
	}
	definitions = family{
		v3:            "/events/v3/event-definitions",
		september2025: "/events/custom/2025-09/event-definitions",
		march2026:     "/events/2026-03/event-definitions",
		september2026: "/events/custom/2026-09/event-definitions",
	}
	contactsV1 = family{v1: "/contacts/v1/contact"}
	tracking   = family{v1: "/v1/event"} // of track.hubspot.com
)

// allowance names the rate limits that a request counts for.
type allowance string

const (
	burst    allowance = "burst"        // ten seconds, and the day
	searches allowance = "search"       // its own second, and the day
	ties     allowance = "associations" // its own ten seconds and day
	sends    allowance = "events"       // their own second
	free     allowance = "free"         // none
)

// route is a kind of request, in every version that its family has.
type route struct {
	family family
	method string
	path   string // below the family's
	// scope is what a token needs: one of several with | between them; {type} stands
	// for the type of records that the path names, the first one. Empty for none.
	scope     string
	allowance allowance // free is for everybody, without a token
	handle    func(*Simulator, *call) *answer
}

// Scopes of records and their associations, of properties, and of custom objects.
const (
	readRecords      = "crm.objects.{type}.read"
	writeRecords     = "crm.objects.{type}.write"
	readDefinitions  = "crm.schemas.{type}.read|crm.objects.{type}.read|crm.objects.{type}.write"
	writeDefinitions = "crm.schemas.{type}.write"
	readSchemas      = "crm.schemas.custom.read"
	writeSchemas     = "crm.schemas.custom.write"
)

// routes has all that is answered.
var routes = slices.Concat(
	[]route{
		{account, http.MethodGet, "", "", burst, (*Simulator).details},

		{objects, http.MethodGet, "/{type}", readRecords, burst, (*Simulator).listAll},
		{objects, http.MethodPost, "/{type}", writeRecords, burst, (*Simulator).createOne},
		{objects, http.MethodGet, "/{type}/{id}", readRecords, burst, (*Simulator).readOne},
		{objects, http.MethodPatch, "/{type}/{id}", writeRecords, burst, (*Simulator).updateOne},
		{objects, http.MethodDelete, "/{type}/{id}", writeRecords, burst, (*Simulator).archiveOne},
		{objects, http.MethodPost, "/{type}/batch/create", writeRecords, burst, (*Simulator).batchCreate},
		{objects, http.MethodPost, "/{type}/batch/update", writeRecords, burst, (*Simulator).batchUpdate},
		{objects, http.MethodPost, "/{type}/batch/upsert", writeRecords, burst, (*Simulator).batchUpsert},
		{objects, http.MethodPost, "/{type}/batch/read", readRecords, burst, (*Simulator).batchRead},
		{objects, http.MethodPost, "/{type}/batch/archive", writeRecords, burst, (*Simulator).batchArchive},
		{objects, http.MethodPost, "/{type}/search", readRecords, searches, (*Simulator).search},
		{objects, http.MethodPost, "/contacts/merge", "crm.objects.contacts.write", burst, (*Simulator).merge},
		{objects, http.MethodPost, "/contacts/gdpr-delete", "crm.objects.contacts.write", burst, (*Simulator).erase},

		{properties, http.MethodGet, "/{type}", readDefinitions, burst, (*Simulator).listProperties},
		{properties, http.MethodPost, "/{type}", writeDefinitions, burst, (*Simulator).createProperty},
		{properties, http.MethodGet, "/{type}/{name}", readDefinitions, burst, (*Simulator).readProperty},
		{properties, http.MethodPatch, "/{type}/{name}", writeDefinitions, burst, (*Simulator).updateProperty},
		{properties, http.MethodDelete, "/{type}/{name}", writeDefinitions, burst, (*Simulator).archiveProperty},
		{propertiesV1, http.MethodGet, "/contacts/properties", "crm.schemas.contacts.read|crm.objects.contacts.read", burst, (*Simulator).listPropertiesV1},

		{schemas, http.MethodGet, "", readSchemas, burst, (*Simulator).listSchemas},
		{schemas, http.MethodPost, "", writeSchemas, burst, (*Simulator).createSchema},
		{schemas, http.MethodGet, "/{type}", readSchemas, burst, (*Simulator).readSchema},
		{schemas, http.MethodPatch, "/{type}", writeSchemas, burst, (*Simulator).updateSchema},
		{schemas, http.MethodDelete, "/{type}", writeSchemas, burst, (*Simulator).archiveSchema},
		{schemasCRM, http.MethodGet, "", readSchemas, burst, (*Simulator).listSchemas},
		{schemasCRM, http.MethodPost, "", writeSchemas, burst, (*Simulator).createSchema},
		{schemasCRM, http.MethodGet, "/{type}", readSchemas, burst, (*Simulator).readSchema},
		{schemasCRM, http.MethodPatch, "/{type}", writeSchemas, burst, (*Simulator).updateSchema},
		{schemasCRM, http.MethodDelete, "/{type}", writeSchemas, burst, (*Simulator).archiveSchema},

		{associationsV3, http.MethodPost, "/{from}/{to}/batch/create", writeRecords, ties, (*Simulator).tieBatch},
		{associationsV3, http.MethodPost, "/{from}/{to}/batch/read", readRecords, ties, (*Simulator).readTies},
		{associationsV3, http.MethodPost, "/{from}/{to}/batch/archive", writeRecords, ties, (*Simulator).untieBatch},
		{associationsV3, http.MethodGet, "/{from}/{to}/types", readRecords, burst, (*Simulator).oldKinds},
		{associationsV4, http.MethodPost, "/{from}/{to}/batch/create", writeRecords, ties, (*Simulator).tieBatch},
		{associationsV4, http.MethodPost, "/{from}/{to}/batch/read", readRecords, ties, (*Simulator).readTies},
		{associationsV4, http.MethodPost, "/{from}/{to}/batch/archive", writeRecords, ties, (*Simulator).untieBatch},
		{associationsV4, http.MethodPost, "/{from}/{to}/batch/associate/default", writeRecords, ties, (*Simulator).tieUsualBatch},
		{associationsV4, http.MethodPost, "/{from}/{to}/batch/labels/archive", writeRecords, ties, (*Simulator).unlabelBatch},
		{associationsV4, http.MethodGet, "/{from}/{to}/labels", readRecords, burst, (*Simulator).labels},
		{associationsV4, http.MethodPost, "/{from}/{to}/labels", writeRecords, burst, (*Simulator).makeLabel},
		{associationsV4, http.MethodPut, "/{from}/{to}/labels", writeRecords, burst, (*Simulator).renameLabel},
		{associationsV4, http.MethodDelete, "/{from}/{to}/labels/{kind}", writeRecords, burst, (*Simulator).dropLabel},
		{objectsV4, http.MethodGet, "/{from}/{id}/associations/{to}", readRecords, burst, (*Simulator).tiesOne},
		{objectsV4, http.MethodPut, "/{from}/{id}/associations/default/{to}/{other}", writeRecords, burst, (*Simulator).tieUsualOne},
		{objectsV4, http.MethodPut, "/{from}/{id}/associations/{to}/{other}", writeRecords, burst, (*Simulator).tieOne},
		{objectsV4, http.MethodDelete, "/{from}/{id}/associations/{to}/{other}", writeRecords, burst, (*Simulator).untieOne},
	},
	eventRoutes,
	legacyRoutes,
)

// isBatchWrite tells whether the answer of a route tells of each input of a write.
func (to *route) isBatchWrite() bool {
	return strings.HasSuffix(to.path, "/batch/create") || strings.HasSuffix(to.path, "/batch/update") || strings.HasSuffix(to.path, "/batch/upsert")
}

// name is what statistics call a request to a route.
func (to *route) name(r *http.Request, v version) string {
	if to.family == nil {
		return "unknown"
	}
	return r.Method + " " + to.family[v] + to.path
}

// nowhere answers what no route is for.
var nowhere = route{allowance: free, handle: func(_ *Simulator, c *call) *answer {
	return c.problem(http.StatusNotFound, problem{Message: "resource not found"})
}}

// register has a route answered in all its versions.
func (s *Simulator) register(r *route) {
	for v, prefix := range r.family {
		s.mux.HandleFunc(r.method+" "+prefix+r.path, func(w http.ResponseWriter, request *http.Request) { s.serve(w, request, v, r) })
	}
}
