/** The table of every list: virtual, filling its place, 32 px a row, moved through by j and k. */
import type { ReactNode } from "react";
import { Table, type TableColumnType } from "antd";
import { useSize } from "./size";

export type Column<Row> = TableColumnType<Row> & { width: number };

interface DataTableProps<Row> {
  rows: readonly Row[];
  columns: Column<Row>[];
  rowKey: (row: Row) => string | number;
  /** Key of the row the keyboard is on. */
  current?: string | number | null;
  onOpen?: (row: Row) => void;
  rowProps?: (row: Row) => Record<`data-${string}`, string | number>;
  rowClass?: (row: Row) => string;
  empty: ReactNode;
  onEnd?: () => void;
}

const HEAD_PX = 34;

export function DataTable<Row extends object>(props: DataTableProps<Row>) {
  const { rows, columns, rowKey, current, onOpen, rowProps, rowClass, empty, onEnd } = props;
  const [ref, size] = useSize<HTMLDivElement>();
  const least = columns.reduce((sum, column) => sum + column.width, 0);
  return (
    <div className="table" ref={ref}>
      {size.height > 0 && rows.length > 0 && (
        <Table<Row>
          virtual
          size="small"
          pagination={false}
          dataSource={rows}
          columns={columns}
          rowKey={rowKey}
          scroll={{ x: Math.max(least, size.width), y: Math.max(96, size.height - HEAD_PX) }}
          rowClassName={(row) => `${rowClass?.(row) ?? ""} ${rowKey(row) === current ? "current" : ""}`}
          onRow={(row) => ({ ...rowProps?.(row), onClick: () => onOpen?.(row) })}
          onScroll={(event) => {
            const box = event.currentTarget;
            if (onEnd && box.scrollTop + box.clientHeight > box.scrollHeight - 400) onEnd();
          }}
        />
      )}
      {rows.length === 0 && empty}
    </div>
  );
}
