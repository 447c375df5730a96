use super::*;

fn spec() -> Value {
    json!({
        "openapi": "3.0.0",
        "info": { "title": "t", "version": "1", "summary": "s" },
        "servers": [],
        "tags": [],
        "paths": { "/things/{thing_id}": { "patch": {
            "tags": ["things"],
            "summary": "Change a thing",
            "parameters": [{
                "name": "thing_id", "in": "path", "required": true, "deprecated": false, "explode": true,
                "schema": { "type": "integer", "format": "uint32", "maximum": 100.0, "exclusiveMaximum": true },
            }],
            "requestBody": {
                "content": { "application/json; charset=utf-8": { "schema": { "$ref": "#/components/schemas/Patch" } } },
                "required": true,
            },
            "responses": {
                "503": { "description": "", "content": { "application/problem+json": { "schema": {} } } },
                "200": {
                    "description": "",
                    "content": { "application/json; charset=utf-8": { "schema": { "$ref": "#/components/schemas/Thing" } } },
                    "headers": { "X-CEDAR-ACTION": { "deprecated": false, "schema": { "type": "string" } } },
                },
                "429": {
                    "description": "slow down",
                    "content": { "application/problem+json": { "schema": {} } },
                    "headers": { "RETRY-AFTER": { "deprecated": false, "schema": { "type": "string" } } },
                },
            },
            "operationId": "change_thing",
        }, "get": { "operationId": "get_thing", "responses": {
            "200": { "description": "" }, "400": { "description": "bad" }, "404": { "description": "none" },
        }, "parameters": [{ "name": "thing_id", "in": "path", "schema": {} }] } } },
        "components": { "schemas": {
            "Thing": { "type": "object", "properties": { "size": { "type": "integer", "format": "int64" } } },
            "Patch": { "type": "object", "properties": {
                "name": { "type": "string", "nullable": true, "example": "x" },
                "kind": { "type": "string", "nullable": true, "enum": ["a"] },
                "inner": { "allOf": [{ "$ref": "#/components/schemas/Inner" }, { "nullable": true, "description": "d" }],
                           "nullable": true, "description": "d" },
            } },
            "Inner": { "type": "object", "oneOf": [{ "$ref": "#/components/schemas/Thing" }] },
        } },
    })
}

#[test]
fn media_types_headers_and_statuses_read_as_people_write_them() {
    let document = clean(spec(), OpenApiVersion::V31);
    let patch = &document["paths"]["/things/{thing_id}"]["patch"];
    assert!(patch["requestBody"]["content"]["application/json"].is_object());
    assert!(patch["responses"]["429"]["headers"]["Retry-After"].is_object());
    assert_eq!(patch["responses"]["200"]["description"], "OK.");
    let order: Vec<_> = patch["responses"].as_object().unwrap().keys().collect();
    assert_eq!(order, ["200", "429", "503"]);
}

#[test]
fn the_action_moves_from_a_header_to_the_operation() {
    let document = clean(spec(), OpenApiVersion::V31);
    let patch = &document["paths"]["/things/{thing_id}"]["patch"];
    assert_eq!(patch["x-cedar-action"], "ChangeThing");
    assert!(patch["responses"]["200"].get("headers").is_none());
}

#[test]
fn integers_are_integers_of_a_known_format() {
    let bound = |version| {
        let document = clean(spec(), version);
        document["paths"]["/things/{thing_id}"]["patch"]["parameters"][0].clone()
    };
    assert_eq!(
        bound(OpenApiVersion::V31)["schema"],
        json!({ "type": "integer", "format": "int64", "exclusiveMaximum": 100, "minimum": 0 })
    );
    assert_eq!(
        bound(OpenApiVersion::V30)["schema"],
        json!({ "type": "integer", "format": "int64", "maximum": 100, "exclusiveMaximum": true, "minimum": 0 })
    );
    assert!(bound(OpenApiVersion::V30).get("explode").is_none());
}

#[test]
fn null_is_allowed_where_it_is_marked_in_the_words_of_each_version() {
    let fields = |version| clean(spec(), version)["components"]["schemas"]["Patch"]["properties"].clone();
    let new = fields(OpenApiVersion::V31);
    assert_eq!(new["name"], json!({ "type": ["string", "null"], "examples": ["x"] }));
    assert_eq!(
        new["inner"],
        json!({ "anyOf": [{ "$ref": "#/components/schemas/Inner" }, { "type": "null" }], "description": "d" })
    );
    let old = fields(OpenApiVersion::V30);
    assert_eq!(old["name"]["nullable"], true);
    assert_eq!((&old["kind"]["enum"], &new["kind"]["enum"]), (&json!(["a", null]), &json!(["a", null])));
    assert_eq!(
        old["inner"],
        json!({ "allOf": [{ "$ref": "#/components/schemas/Inner" }], "nullable": true, "description": "d" })
    );
}

#[test]
fn only_what_a_request_carries_refuses_unknown_fields() {
    let document = clean(spec(), OpenApiVersion::V31);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Patch"]["additionalProperties"], false);
    // Reached through a union of the request.
    assert_eq!(schemas["Thing"]["additionalProperties"], false);
    assert!(schemas["Inner"].get("additionalProperties").is_none() && schemas["Inner"].get("type").is_none());
}

#[test]
fn a_public_operation_says_so_and_impossible_statuses_go() {
    let document = clean(spec(), OpenApiVersion::V31);
    let get = &document["paths"]["/things/{thing_id}"]["get"];
    assert_eq!(get["security"], json!([]));
    assert!(get["responses"].get("400").is_none() && get["responses"].get("404").is_some());
}

#[test]
fn the_versions_differ_in_number_and_in_what_only_one_knows() {
    assert_eq!(clean(spec(), OpenApiVersion::V31)["info"]["summary"], "s");
    let old = clean(spec(), OpenApiVersion::V30);
    assert_eq!(old["openapi"], "3.0.3");
    assert!(old["info"].get("summary").is_none());
    assert_eq!(old["servers"], json!([{ "url": "/" }]));
}

#[test]
fn cleaning_what_is_clean_changes_nothing() {
    for version in [OpenApiVersion::V31, OpenApiVersion::V30] {
        let once = clean(spec(), version);
        assert_eq!(clean(once.clone(), version).to_string(), once.to_string());
    }
}

#[test]
fn the_lint_names_what_is_missing() {
    let faults = lint(&clean(spec(), OpenApiVersion::V31));
    assert_eq!(
        faults,
        [
            "GET /things/{thing_id}: no summary",
            "GET /things/{thing_id}: no tag",
            "GET /things/{thing_id}: no x-cedar-action: it can answer without a decision",
            "GET /things/{thing_id}: no problem responses",
            "GET /things/{thing_id}: response 404 is not a problem document",
        ]
    );
}
