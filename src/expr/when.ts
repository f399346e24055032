/** `when(p).then(x).otherwise(y)`: an expression from its first value on, which may go on. */
import { Expr, type Operand, toNode } from './expr.ts'
import { type CallNode, callNode, type LitNode, litNode, type Node } from './nodes.ts'
import type { NodeOf } from './types.ts'

/**
 * The value behind the first condition that is true: `when(p).then(x).when(q).then(y).otherwise(z)`. Without
 * `otherwise`, null where none is. The values have one type, as those of `coalesce`. A row error of a value counts
 * only for the rows that take it.
 */
export function when<const P extends Condition>(condition: P): Begun<readonly [], P> {
  return new When([], condition) as never
}

type Condition = Expr | boolean | null
type Begun<Before extends readonly unknown[], P> = When<readonly [...Before, NodeOf<P>]>

/** `when(p)`, which waits for its value. */
export class When<Args extends readonly unknown[]> {
  readonly #args: readonly Node[]

  constructor(before: readonly Node[], condition: Operand) {
    this.#args = [...before, toNode(condition)]
  }

  // biome-ignore lint/suspicious/noThenProperty: the word that SQL, Polars and Spark have for it; nobody awaits one
  then<const V extends Operand>(value: V): Then<readonly [...Args, NodeOf<V>]> {
    return new Then([...this.#args, toNode(value)])
  }
}

/** `when(p).then(x)`: null where p is not true, until `otherwise` says what else. */
export class Then<Args extends readonly unknown[]> extends Expr<CallNode<'when', readonly [...Args, LitNode<null>]>> {
  constructor(args: readonly Node[]) {
    super(callNode('when', [...args, litNode(null)]) as never)
  }

  when<const P extends Condition>(condition: P): Begun<Args, P> {
    return new When(branches(this), condition) as never
  }

  otherwise<const V extends Operand>(value: V): Expr<CallNode<'when', readonly [...Args, NodeOf<V>]>> {
    return new Expr(callNode('when', [...branches(this), toNode(value)])) as never
  }
}

const branches = (then: Expr<unknown>): readonly Node[] => (then.node as CallNode).args.slice(0, -1)
