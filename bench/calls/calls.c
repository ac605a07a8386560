/* The least that going from JavaScript into native code and back costs: three calls that do next to nothing. */
#include <node_api.h>
#include <stdint.h>
#include <string.h>

/* Nothing at all. */
static napi_value nothing(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  return NULL;
}

/* A short text out, as a version is. */
static napi_value text(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result = NULL;
  napi_create_string_latin1(env, "0.1.0", 5, &result);
  return result;
}

/* A name and bytes in, a text out, as a conversion has them. */
static napi_value convert(napi_env env, napi_callback_info info) {
  napi_value args[2];
  size_t count = 2;
  char name[64];
  size_t name_bytes = 0;
  void *data = NULL;
  size_t bytes = 0;
  napi_value result = NULL;
  if (napi_get_cb_info(env, info, &count, args, NULL, NULL) != napi_ok || count < 2) return NULL;
  napi_get_value_string_utf8(env, args[0], name, sizeof name, &name_bytes);
  if (napi_get_typedarray_info(env, args[1], NULL, &bytes, &data, NULL, NULL) != napi_ok) return NULL;
  napi_create_string_utf8(env, data, bytes, &result);
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor calls[] = {
      {"nothing", NULL, nothing, NULL, NULL, NULL, napi_default, NULL},
      {"text", NULL, text, NULL, NULL, NULL, napi_default, NULL},
      {"convert", NULL, convert, NULL, NULL, NULL, napi_default, NULL},
  };
  napi_define_properties(env, exports, sizeof calls / sizeof calls[0], calls);
  return exports;
}
