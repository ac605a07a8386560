// Just enough JSON for the vectors: everything is kept as text, numbers too.
#ifndef LIBMC_TESTS_JSON_H
#define LIBMC_TESTS_JSON_H

#include <cctype>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace json {

struct Value {
  enum class Kind { Null, Scalar, Text, List, Object };

  Kind kind = Kind::Null;
  std::string text;
  std::vector<Value> items;
  std::map<std::string, Value> fields;

  bool is_null() const { return kind == Kind::Null; }
  bool has(const std::string& name) const { return fields.count(name) != 0; }
  const Value& operator[](const std::string& name) const {
    const auto found = fields.find(name);
    if (found == fields.end()) throw std::runtime_error("the vectors lack " + name);
    return found->second;
  }
  std::uint64_t number() const { return std::stoull(text); }
};

class Parser {
 public:
  explicit Parser(std::string text) : text_(std::move(text)) {}

  Value parse() {
    Value value = this->value();
    if (peek() != '\0') fail("something follows the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error("JSON at " + std::to_string(at_) + ": " + what);
  }
  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void expect(char c) {
    if (peek() != c) fail(std::string("expected ") + c);
    ++at_;
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  std::string string() {
    expect('"');
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\') {
        ++at_;
        const char escaped = at_ < text_.size() ? text_[at_] : '\0';
        if (escaped == 'n') out += '\n';
        else if (escaped == '"' || escaped == '\\' || escaped == '/') out += escaped;
        else fail("an escape that the vectors do not use");
      } else {
        out += text_[at_];
      }
      ++at_;
    }
    expect('"');
    return out;
  }
  Value value() {
    Value value;
    const char first = peek();
    if (first == '{') {
      value.kind = Value::Kind::Object;
      ++at_;
      if (take('}')) return value;
      do {
        std::string name = string();
        expect(':');
        value.fields.emplace(std::move(name), this->value());
      } while (take(','));
      expect('}');
    } else if (first == '[') {
      value.kind = Value::Kind::List;
      ++at_;
      if (take(']')) return value;
      do value.items.push_back(this->value());
      while (take(','));
      expect(']');
    } else if (first == '"') {
      value.kind = Value::Kind::Text;
      value.text = string();
    } else {
      while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '-')) {
        value.text += text_[at_++];
      }
      if (value.text.empty()) fail("expected a value");
      if (value.text != "null") value.kind = Value::Kind::Scalar;
    }
    return value;
  }

  std::string text_;
  std::size_t at_ = 0;
};

inline Value read(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::stringstream text;
  text << file.rdbuf();
  return Parser(text.str()).parse();
}

}  // namespace json

#endif
