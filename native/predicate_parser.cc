// The wire form of predicates as nodes: literals take the class of their column here, once, so that evaluating
// compares values of one type.
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "json_text.h"
#include "predicate_tree.h"

namespace sabot {

namespace predicate {
namespace {

namespace ondemand = simdjson::ondemand;

__extension__ typedef __int128 Int128;

// src/plan/pushdown.ts leaves deeper ones in TypeScript.
constexpr int kMaxDepth = 100;

struct Literal {
  enum class Kind : uint8_t { Integer, Real, Text, Bool } kind = Kind::Integer;
  Int128 integer = 0;
  double real = 0;
  std::string text;
  bool boolean = false;
};

const char* kindName(Literal::Kind kind) {
  switch (kind) {
    case Literal::Kind::Integer: return "an integer";
    case Literal::Kind::Real: return "a float";
    case Literal::Kind::Text: return "a string";
    case Literal::Kind::Bool: return "a bool";
  }
  return "";
}

Status malformed(std::string_view expected) {
  return Status::error("CONFIG", "predicate: expected " + std::string(expected) +
                                     ", in the form of PushedPredicate in src/kafka/backend.ts");
}

// The elements of an array, one after another; each is read before the next is asked for.
class Elements {
 public:
  bool open(ondemand::value value) {
    return value.get_array().get(array_) == simdjson::SUCCESS && array_.begin().get(at_) == simdjson::SUCCESS;
  }
  // False behind the last one, and where the JSON breaks off: then ended() is false as well.
  bool next(ondemand::value& out) {
    ended_ = !step();
    return !ended_ && (*at_).get(out) == simdjson::SUCCESS;
  }
  bool ended() const { return ended_; }
  bool nothingLeft() { return !step(); }

 private:
  bool step() {
    if (begun_) ++at_;
    begun_ = true;
    return at_ != ondemand::array_iterator();
  }

  ondemand::array array_;
  ondemand::array_iterator at_;
  bool begun_ = false;
  bool ended_ = false;
};

struct Comparison {
  std::string_view name;
  uint8_t holds;
};

constexpr std::array<Comparison, 6> kComparisons{{{"eq", kEqual},
                                                  {"ne", kLess | kGreater | kUnordered},
                                                  {"lt", kLess},
                                                  {"le", kLess | kEqual},
                                                  {"gt", kGreater},
                                                  {"ge", kGreater | kEqual}}};

bool isReal(TypeId id) { return id == TypeId::Float32 || id == TypeId::Float64; }

bool isTime(TypeId id) { return id == TypeId::Date32 || id == TypeId::Timestamp; }

bool isInteger(TypeId id) { return id >= TypeId::Int8 && id <= TypeId::UInt64; }

// The operator that compares a column of the type; none for types that are not compared.
bool comparedBy(TypeId id, Op& out) {
  switch (id) {
    case TypeId::Bool: out = Op::Bool; return true;
    case TypeId::Int8: out = Op::Int8; return true;
    case TypeId::Int16: out = Op::Int16; return true;
    case TypeId::Int32:
    case TypeId::Date32: out = Op::Int32; return true;
    case TypeId::Int64:
    case TypeId::Timestamp: out = Op::Int64; return true;
    case TypeId::UInt8: out = Op::UInt8; return true;
    case TypeId::UInt16: out = Op::UInt16; return true;
    case TypeId::UInt32: out = Op::UInt32; return true;
    case TypeId::UInt64: out = Op::UInt64; return true;
    case TypeId::Float32: out = Op::Float32; return true;
    case TypeId::Float64: out = Op::Float64; return true;
    case TypeId::Utf8: out = Op::Text; return true;
    case TypeId::Binary:
    case TypeId::Decimal128:
    case TypeId::List:
    case TypeId::Struct: return false;
  }
  return false;
}

bool comparable(TypeId id, Literal::Kind kind) {
  switch (kind) {
    case Literal::Kind::Integer: return isInteger(id) || isReal(id) || isTime(id);
    case Literal::Kind::Real: return isInteger(id) || isReal(id);
    case Literal::Kind::Text: return id == TypeId::Utf8;
    case Literal::Kind::Bool: return id == TypeId::Bool;
  }
  return false;
}

// Literals of a column's own class: int64, uint64 or double.
constexpr Int128 leastOf(TypeId id) { return id == TypeId::UInt64 ? 0 : std::numeric_limits<int64_t>::min(); }
constexpr Int128 mostOf(TypeId id) {
  return id == TypeId::UInt64 ? Int128{std::numeric_limits<uint64_t>::max()} : std::numeric_limits<int64_t>::max();
}

// What a comparison holds for once every value that was equal to nothing is less or greater than the literal.
constexpr uint8_t equalIsLess(uint8_t holds) {
  return static_cast<uint8_t>((holds & ~kEqual) | ((holds & kLess) != 0 ? kEqual : 0));
}
constexpr uint8_t equalIsGreater(uint8_t holds) {
  return static_cast<uint8_t>((holds & ~kEqual) | ((holds & kGreater) != 0 ? kEqual : 0));
}

// An integer column beside a number: an integer of its class, or a constant where every value lies on one side.
void compareInteger(Node& node, const Literal& literal) {
  const Int128 least = leastOf(node.type);
  const Int128 most = mostOf(node.type);
  Int128 integer = literal.integer;
  if (literal.kind == Literal::Kind::Real) {
    const double floor = std::floor(literal.real);
    // 2^64 at most: whatever is beyond is beyond every integer.
    constexpr double bound = 18446744073709551616.0;
    integer = static_cast<Int128>(std::clamp(floor, -bound, bound));
    // Between two integers the values up to the lower one are less, the others greater.
    if (floor != literal.real) node.holds = equalIsLess(node.holds);
  }
  if (integer < least || integer > most) {
    node.op = Op::Constant;
    node.holds &= integer < least ? kGreater : kLess;
  } else if (node.type == TypeId::UInt64) {
    node.literal.unsignedInteger = static_cast<uint64_t>(integer);
  } else {
    node.literal.integer = static_cast<int64_t>(integer);
  }
}

// A float column beside a number: the double next to it where it is none itself.
void compareReal(Node& node, const Literal& literal) {
  node.literal.real = literal.kind == Literal::Kind::Real ? literal.real : static_cast<double>(literal.integer);
  if (literal.kind == Literal::Kind::Real) return;
  const auto nearest = static_cast<Int128>(node.literal.real);
  if (nearest < literal.integer) node.holds = equalIsLess(node.holds);
  if (nearest > literal.integer) node.holds = equalIsGreater(node.holds);
}

template <class T>
size_t addSet(std::vector<std::vector<T>>& sets, std::vector<T> set, auto order) {
  std::sort(set.begin(), set.end(), order);
  sets.push_back(std::move(set));
  return sets.size() - 1;
}

class Compiler {
 public:
  Compiler(Tree& tree, const std::vector<ColumnSpec>& columns) : tree_(tree), columns_(columns) {}

  Status predicate(ondemand::value value, int depth) {
    if (depth > kMaxDepth) {
      return Status::error("CONFIG", "predicate: expected at most " + std::to_string(kMaxDepth) +
                                         " levels of and, or and not; write `in` or fewer levels");
    }
    Elements elements;
    ondemand::value first;
    std::string_view op;
    if (!elements.open(value) || !elements.next(first) || first.get_string().get(op) != simdjson::SUCCESS) {
      return malformed("an array that begins with an operator");
    }
    Status status = operation(op, elements, depth);
    if (!status.ok()) return status;
    return elements.nothingLeft() ? status : malformed("nothing behind the operands of \"" + std::string(op) + "\"");
  }

 private:
  Status operation(std::string_view op, Elements& elements, int depth) {
    if (op == "and" || op == "or") return logic(op == "and" ? Op::And : Op::Or, elements, depth);
    if (op == "not") {
      ondemand::value term;
      if (!elements.next(term)) return malformed("one predicate behind \"not\"");
      const size_t at = begin(Op::Not);
      Status status = predicate(term, depth + 1);
      end(at);
      return status;
    }
    if (op == "isNull" || op == "col") {
      Node node;
      Status status = column(elements, node);
      if (status.ok() && op == "col" && node.type != TypeId::Bool) status = incomparable(node, "true");
      node.op = op == "col" ? Op::Bool : Op::IsNull;
      node.holds = kEqual;
      node.literal.integer = 1;
      add(node);
      return status;
    }
    if (op == "in") return membership(elements);
    for (const auto& [name, holds] : kComparisons) {
      if (op == name) return comparison(elements, holds);
    }
    return malformed("an operator (and, or, not, eq, ne, lt, le, gt, ge, isNull, in, col), not " + jsonString(op));
  }

  Status logic(Op op, Elements& elements, int depth) {
    ondemand::value list;
    Elements terms;
    if (!elements.next(list) || !terms.open(list)) return malformed("an array of predicates behind and, or");
    const size_t at = begin(op);
    ondemand::value term;
    while (terms.next(term)) {
      Status status = predicate(term, depth + 1);
      if (!status.ok()) return status;
    }
    end(at);
    if (!terms.ended()) return malformed("an array of predicates behind and, or");
    // `or` of nothing is false: a filter that is never true.
    return op == Op::Or || tree_.nodes[at].size > 1 ? Status::success() : malformed("one predicate at least behind and");
  }

  Status comparison(Elements& elements, uint8_t holds) {
    Node node;
    Status status = column(elements, node);
    ondemand::value value;
    Literal literal;
    if (status.ok() && !elements.next(value)) status = malformed("a literal behind the column");
    if (status.ok()) status = read(value, node, literal);
    if (!status.ok()) return status;
    node.holds = holds;
    compare(node, literal);
    return status;
  }

  void compare(Node node, const Literal& literal) {
    comparedBy(node.type, node.op);
    if (node.type == TypeId::Bool) {
      node.literal.integer = literal.boolean ? 1 : 0;
    } else if (node.type == TypeId::Utf8) {
      // Equality looks at the length first.
      if (node.holds == kEqual || (node.holds & (kLess | kGreater)) == (kLess | kGreater)) node.op = Op::TextEqual;
      node.literal.index = tree_.texts.size();
      tree_.texts.push_back(literal.text);
    } else if (isReal(node.type)) {
      compareReal(node, literal);
    } else {
      compareInteger(node, literal);
    }
    add(node);
  }

  // Literals that no value can be equal to are left out; what is left of none or one is simpler.
  Status membership(Elements& elements) {
    Node node;
    ondemand::value list;
    Elements values;
    Status found = column(elements, node);
    if (!found.ok()) return found;
    if (!elements.next(list) || !values.open(list)) return malformed("an array of literals behind \"in\"");
    std::vector<Literal> literals;
    ondemand::value value;
    while (values.next(value)) {
      Literal literal;
      Status status = read(value, node, literal);
      if (!status.ok()) return status;
      if (canEqual(node.type, literal)) literals.push_back(std::move(literal));
    }
    if (!values.ended()) return malformed("an array of literals behind \"in\"");
    node.holds = kEqual;
    if (literals.empty()) {
      node.op = Op::Constant;
      node.holds = 0;
      add(node);
    } else if (literals.size() == 1) {
      compare(node, literals[0]);
    } else if (node.type == TypeId::Bool) {
      // false is equal to false, and true greater.
      node.op = Op::Bool;
      node.holds = 0;
      for (const Literal& literal : literals) node.holds |= literal.boolean ? kGreater : kEqual;
      add(node);
    } else {
      addSetOf(node, literals);
    }
    return Status::success();
  }

  static bool canEqual(TypeId type, const Literal& literal) {
    Node node;
    node.op = Op::IsNull;  // anything but Constant
    node.type = type;
    node.holds = kEqual;
    if (isReal(type)) compareReal(node, literal);
    else if (isInteger(type) || isTime(type)) compareInteger(node, literal);
    return node.op != Op::Constant && node.holds == kEqual;
  }

  void addSetOf(Node node, const std::vector<Literal>& literals) {
    const auto each = [&](auto value) {
      std::vector<decltype(value(literals[0]))> set;
      for (const Literal& literal : literals) set.push_back(value(literal));
      return set;
    };
    const auto number = [](const Literal& literal) {
      return literal.kind == Literal::Kind::Real ? static_cast<Int128>(literal.real) : literal.integer;
    };
    if (node.type == TypeId::Utf8) {
      node.op = Op::InTexts;
      node.literal.index = addSet(tree_.textSets, each([](const Literal& l) { return l.text; }), TextOrder{});
    } else if (isReal(node.type)) {
      node.op = Op::InReals;
      const auto real = [](const Literal& l) {
        return l.kind == Literal::Kind::Real ? l.real : static_cast<double>(l.integer);
      };
      node.literal.index = addSet(tree_.reals, each(real), std::less<>{});
    } else if (node.type == TypeId::UInt64) {
      node.op = Op::InUnsigned;
      const auto integer = [&](const Literal& l) { return static_cast<uint64_t>(number(l)); };
      node.literal.index = addSet(tree_.unsignedIntegers, each(integer), std::less<>{});
    } else {
      node.op = Op::InIntegers;
      const auto integer = [&](const Literal& l) { return static_cast<int64_t>(number(l)); };
      node.literal.index = addSet(tree_.integers, each(integer), std::less<>{});
    }
    add(node);
  }

  // ---- parts

  Status column(Elements& elements, Node& node) {
    ondemand::value value;
    uint64_t index = 0;
    if (!elements.next(value) || value.get_uint64().get(index) != simdjson::SUCCESS) {
      return malformed("a column's index behind the operator");
    }
    if (index >= columns_.size()) {
      return Status::error("CONFIG", "predicate: expected a column below " + std::to_string(columns_.size()) +
                                         ", as many as are decoded; got " + std::to_string(index));
    }
    node.column = static_cast<uint32_t>(index);
    node.type = columns_[index].field.type.id;
    tree_.reads.push_back(node.column);
    return Status::success();
  }

  Status read(ondemand::value value, const Node& node, Literal& out) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) return malformed(kLiteralForm);
    size_t members = 0;
    for (auto member : object) {
      std::string_view key;
      ondemand::value what;
      if (member.unescaped_key().get(key) != simdjson::SUCCESS || member.value().get(what) != simdjson::SUCCESS) {
        return malformed(kLiteralForm);
      }
      if (++members > 1 || !readAs(key, what, out)) return malformed(kLiteralForm);
    }
    if (members != 1) return malformed(kLiteralForm);
    if (comparable(node.type, out.kind)) return Status::success();
    return incomparable(node, kindName(out.kind));
  }

  static constexpr const char* kLiteralForm = "a literal: {\"i\": \"64-bit digits\"}, {\"f\": number}, "
                                              "{\"s\": string} or {\"b\": bool}";

  static bool readAs(std::string_view key, ondemand::value value, Literal& out) {
    std::string_view text;
    if (key == "i") {
      out.kind = Literal::Kind::Integer;
      return value.get_string().get(text) == simdjson::SUCCESS && parseInteger(text, out.integer);
    }
    if (key == "f") {
      out.kind = Literal::Kind::Real;
      return value.get_double().get(out.real) == simdjson::SUCCESS;
    }
    if (key == "s") {
      out.kind = Literal::Kind::Text;
      if (value.get_string().get(text) != simdjson::SUCCESS) return false;
      out.text = text;
      return true;
    }
    out.kind = Literal::Kind::Bool;
    return key == "b" && value.get_bool().get(out.boolean) == simdjson::SUCCESS;
  }

  // int64 or uint64.
  static bool parseInteger(std::string_view text, Int128& out) {
    const bool negative = text.starts_with('-');
    const char* const from = text.data() + (negative ? 1 : 0);
    const char* const to = text.data() + text.size();
    uint64_t digits = 0;
    const auto [at, error] = std::from_chars(from, to, digits);
    out = negative ? -Int128{digits} : Int128{digits};
    return error == std::errc() && at == to && out >= std::numeric_limits<int64_t>::min();
  }

  Status incomparable(const Node& node, std::string_view with) const {
    const Field& field = columns_[node.column].field;
    return Status::error("CONFIG", "predicate: column " + jsonString(field.name) + " is " + typeName(field.type) +
                                       ", which can not be compared with " + std::string(with));
  }

  void add(const Node& node) { tree_.nodes.push_back(node); }

  size_t begin(Op op) {
    Node node;
    node.op = op;
    add(node);
    return tree_.nodes.size() - 1;
  }
  void end(size_t at) { tree_.nodes[at].size = static_cast<uint32_t>(tree_.nodes.size() - at); }

  Tree& tree_;
  const std::vector<ColumnSpec>& columns_;
};

}  // namespace
}  // namespace predicate

Status Predicate::parse(std::string_view json, const std::vector<ColumnSpec>& columns,
                        std::shared_ptr<const Predicate>& out) {
  auto program = std::make_unique<Program>();
  const simdjson::padded_string padded(json);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  simdjson::ondemand::value root;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS || document.get_value().get(root) != simdjson::SUCCESS) {
    return predicate::malformed("a predicate");
  }
  Status status = predicate::Compiler(program->tree, columns).predicate(root, 1);
  if (status.ok() && !document.at_end()) status = predicate::malformed("nothing behind the predicate");
  if (!status.ok()) return status;
  std::vector<uint32_t>& reads = program->tree.reads;
  std::sort(reads.begin(), reads.end());
  reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
  out = std::shared_ptr<const Predicate>(new Predicate(std::move(program)));
  return status;
}

}  // namespace sabot
