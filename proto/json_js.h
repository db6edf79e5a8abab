/*
 * json_js.h — values in the forms JavaScript libraries serialise them in.
 *
 * One protobuf message reaches us in four shapes, depending on how the sender turned it into text
 * (protobufjs toJSON, JSON.stringify of plain objects, Baileys' BufferJSON, bare typed arrays):
 *
 *     64 bits   1700000000    "1700000000"    {"low":-936591237,"high":409,"unsigned":true}
 *     bytes     "AQI="        {"type":"Buffer","data":"AQI="}    {"type":"Buffer","data":[1,2]}
 *                             {"0":1,"1":2}                      [1,2]
 *
 * `low` and `high` are signed 32-bit halves, either may be negative. Failures stay in the reader as
 * those of json.h do.
 */
#pragma once
#include "proto/json.h"

bool json_js_i64(struct json *j, int64_t *ret);
bool json_js_u64(struct json *j, uint64_t *ret);
bool json_js_bytes(struct json *j, struct arena *a, struct str *ret);

/* Text in base64, the one form of JSON_BIN that needs no JavaScript. */
bool json_base64(struct json *j, struct arena *a, struct str *ret);
